#!/usr/bin/env python3
"""Django's command line for Paddock: ``.venv/bin/python manage.py COMMAND``."""

import os
import sys


def main() -> None:
    """Run the Django command named on the command line."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradingsite.settings")

    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
