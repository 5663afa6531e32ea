"""Import OpenCV when the first image needs it, or say why it cannot be imported."""

from __future__ import annotations

import functools
import importlib
from typing import Any


class OpenCVMissingError(RuntimeError):
    """OpenCV cannot be imported; often it was built for NumPy 1 and NumPy 2 is installed."""

    def __init__(self, error: BaseException) -> None:
        """Write the message: what failed and what to install."""
        super().__init__(
            f"OpenCV cannot be imported ({type(error).__name__}: {error}). "
            "Install it into the node's environment: pip install opencv-python-headless"
        )


@functools.cache
def cv2() -> Any:
    """Return the module ``cv2``.

    Raises:
        OpenCVMissingError: It is not installed or does not load.
    """
    try:
        return importlib.import_module("cv2")
    except Exception as error:  # a build for another NumPy raises exceptions of any type
        raise OpenCVMissingError(error) from error
