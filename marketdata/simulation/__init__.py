"""A market that a seed and the time of day define, behind Kraken's own protocol."""
