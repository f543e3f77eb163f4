"""What the API of the strategies takes and returns."""
