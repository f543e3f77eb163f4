"""What every answer of the API has in common: problems, pages, tables."""
