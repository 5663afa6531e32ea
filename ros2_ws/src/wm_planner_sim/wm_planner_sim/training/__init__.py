"""Collect data, train and evaluate the embedded model."""
