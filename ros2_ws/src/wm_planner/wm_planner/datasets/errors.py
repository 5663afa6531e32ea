"""The error of datasets that cannot be used."""


class DatasetError(ValueError):
    """A dataset is missing, unreadable or not laid out as its kind demands."""
