"""Metrics, traces and reports of processes."""
