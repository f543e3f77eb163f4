"""The process that trades: its market, the deployments it runs, and what it writes."""
