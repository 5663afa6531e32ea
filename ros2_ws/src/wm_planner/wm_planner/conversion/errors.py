"""The error of training runs that cannot be converted."""


class ConversionError(ValueError):
    """A run cannot be converted; the message says what is wrong or missing, and what to do."""
