"""A simulated arm with a camera, training and demo (docs/explanation/architecture.md)."""
