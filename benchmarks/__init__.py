"""What the agents cost: figures that a person reads. Nothing here is a test, since a busy machine is slow."""
