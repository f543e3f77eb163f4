"""Who trades: the registry, the library, deployments, the runner and its workers."""
