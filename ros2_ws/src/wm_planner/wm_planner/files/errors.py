"""The error of files that cannot be used."""


class FileFormatError(ValueError):
    """A file is damaged, or holds something other than what was needed."""
