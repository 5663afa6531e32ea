"""DINO-WM's kinds of datasets, read and split as its training reads and splits them."""
