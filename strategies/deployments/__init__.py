"""Deployments: their terms, config, revisions, challengers and events."""
