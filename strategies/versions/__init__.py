"""Strategies on disk and in the database: found, loaded, kept by hash."""
