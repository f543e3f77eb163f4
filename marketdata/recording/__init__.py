"""Recordings: what the feed received, written to files and played again."""
