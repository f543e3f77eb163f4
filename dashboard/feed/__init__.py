"""The page of the data feed."""
