"""python3 start.py: the embedded servers, the processes and the console."""
