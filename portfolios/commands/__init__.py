"""What a person has requested of a deployment, as rows."""
