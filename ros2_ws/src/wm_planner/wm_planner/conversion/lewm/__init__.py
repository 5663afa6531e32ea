"""Convert checkpoints of LeWorldModel and of what was built on it."""
