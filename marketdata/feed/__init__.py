"""The process that owns the exchange socket: books, frames, candles, health, and taking over."""
