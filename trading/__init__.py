"""The business of trading on paper: no I/O, no clock, no random, no framework."""
