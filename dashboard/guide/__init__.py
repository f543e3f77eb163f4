"""The strategy guide, drawn from the code."""
