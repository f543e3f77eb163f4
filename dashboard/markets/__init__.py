"""The market pages and their API."""
