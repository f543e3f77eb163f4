"""Equity curves and the figures read from them."""
