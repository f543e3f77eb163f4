"""The process that starts a worker, watches it and finds the strategy that made it fail."""
