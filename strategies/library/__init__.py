"""The strategies that come with Paddock, one package each."""
