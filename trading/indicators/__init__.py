"""Indicators over closed candles, computed once per version of a series however many ask.

Every function takes a `CandleSeries` (or plain float arrays where it says so) and returns
float64 arrays as long as the series, or the newest value; what cannot be known yet is NaN
in an array and None as a value, never a number.
"""
