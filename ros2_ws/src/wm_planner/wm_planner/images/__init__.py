"""Decode image messages to RGB, or raise an error that says what is wrong with the message.

``decode`` is the way in: message (``message.py``) → encoding (``encodings.py``) → views of the
pixels (``planes.py``), or a decoded JPEG or PNG (``compressed.py``) → RGB (``bridge.py`` or
``color_conversion.py``). Needs NumPy and OpenCV; only ``preprocess.py`` needs torch.
"""

from wm_planner.images.bridge import conversion_path
from wm_planner.images.camera_decoder import CameraDecoder
from wm_planner.images.decoding import Decoded, decode, decode_noting
from wm_planner.images.errors import ImageFormatError
from wm_planner.images.policy import ImagePolicy

__all__ = [
    "CameraDecoder",
    "Decoded",
    "ImageFormatError",
    "ImagePolicy",
    "conversion_path",
    "decode",
    "decode_noting",
]
