"""Who sends a request: the address it comes from, and the proxies that may speak for another."""
