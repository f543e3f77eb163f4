"""The strategy guide, generated from the code."""
