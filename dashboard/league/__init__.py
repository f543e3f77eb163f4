"""The league's page."""
