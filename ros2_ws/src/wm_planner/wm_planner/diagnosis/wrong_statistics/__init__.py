"""Explain statistics that are not those of the training."""
