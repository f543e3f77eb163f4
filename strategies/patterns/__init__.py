"""What `newstrategy` writes: strategies that work as they are, each named like its template."""
