"""`wss /api/v1/stream`: what happens, told to programs as it becomes true."""
