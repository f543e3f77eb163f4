"""The league: its table, its files, its benchmarks."""
