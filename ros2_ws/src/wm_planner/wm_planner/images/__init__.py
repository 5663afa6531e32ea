"""Image messages to RGB, or an error that says why not; and the camera contract.

Needs numpy and OpenCV only. ``wm_planner.images.preprocess`` alone needs torch.
"""

from wm_planner.images.bridge import ConversionPath, conversion_path
from wm_planner.images.decoder import decode
from wm_planner.images.errors import ImageFormatError
from wm_planner.images.policy import ImagePolicy

__all__ = ["ConversionPath", "ImageFormatError", "ImagePolicy", "conversion_path", "decode"]
