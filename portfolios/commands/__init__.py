"""The queue of what people request of a deployment: one way in, one way out."""
