"""Checks that a strategy keeps the contract: read, rehearsed in processes of its own, one line a check."""
