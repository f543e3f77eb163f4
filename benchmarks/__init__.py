"""What Paddock costs. Each module is one benchmark: `python3 start.py bench NAME [--json]`."""
