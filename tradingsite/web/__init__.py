"""The web process: whom it lets in, and what one request may take of it."""
