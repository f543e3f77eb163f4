"""Hearing the market and passing it on."""
