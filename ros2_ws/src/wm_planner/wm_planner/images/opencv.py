"""OpenCV, imported when the first image needs it, and the reason where it cannot be."""

from __future__ import annotations

import functools
import importlib
from typing import Any


class OpenCVMissingError(RuntimeError):
    """OpenCV cannot be imported, which is often one built on NumPy 1 beside a NumPy 2."""

    def __init__(self, error: BaseException) -> None:
        """Say what happened and what to install."""
        super().__init__(
            f"OpenCV cannot be imported ({type(error).__name__}: {error}). "
            "Install it into the node's environment: pip install opencv-python-headless"
        )


@functools.cache
def cv2() -> Any:
    """Return the cv2 module.

    Raises:
        OpenCVMissingError: It is not installed or does not load.
    """
    try:
        return importlib.import_module("cv2")
    except Exception as error:  # a build for another NumPy raises whatever it likes
        raise OpenCVMissingError(error) from error
