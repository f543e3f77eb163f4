"""`wss /api/v1/stream`: facts and states, sent to programs as they are written."""
