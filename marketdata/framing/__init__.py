"""From events of the exchange to frames."""
