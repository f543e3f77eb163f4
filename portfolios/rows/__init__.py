"""From facts of the engine to rows of the database."""
