"""Figures of merit: what an account's history says about it."""
