"""Stored candles: imports, backfill, coverage."""
