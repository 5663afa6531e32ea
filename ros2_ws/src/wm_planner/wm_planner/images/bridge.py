"""Convert raw images with cv_bridge if it gives the right pixels on this machine.

cv_bridge may convert rgb8 to bgra16, mono, Bayer patterns and yuv422 (the rows of ``ENCODINGS``
with a ``bridge`` name). The package's own code (``color_conversion.py``) converts all others:
generic types (8UC3, 32FC1, …), two-plane YUV, 16-bit images with a declared bit depth below 16, and
compressed images.

Two packages are imported as ``cv_bridge``: the compiled one of a ROS distribution, which does not
load with a NumPy that it was not built for, and a pure-Python port of an old release on PyPI, which
has defects. So each encoding is tried out once per process: cv_bridge converts it from then on only
if its pixels equal those of the own code. cv_bridge gets tight rows in native byte order, because
it mishandles padding and byte order (``docs/how-to/images.md``).
"""

from __future__ import annotations

import functools
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import color_conversion
from wm_planner.images.encodings import ENCODINGS, Encoding
from wm_planner.images.message import ImageMessage
from wm_planner.images.policy import ImagePolicy

_TRIAL_SECONDS = 30.0
_TRIAL = """
import sys
sys.path[:] = sys.argv[1:]
import numpy
from cv_bridge.boost.cv_bridge_boost import cvtColor2
cvtColor2(numpy.zeros((4, 4, 3), numpy.uint8), "bgr8", "rgb8")
"""


@dataclass(frozen=True)
class ConversionPath:
    """Which code converts raw images in this process, and why.

    Attributes:
        kind: ``"compiled"`` or ``"python"`` cv_bridge, or ``"own"`` code only.
        encodings: Encodings that cv_bridge converts; own code converts all others.
        reason: One sentence.
    """

    kind: str
    encodings: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        """Return one line for the log."""
        share = f"{len(self.encodings)} of {len(ENCODINGS)}"
        return f"{self.reason} cv_bridge converts {share} encodings, own code the others."


def conversion_path() -> ConversionPath:
    """Return which code converts raw images; the first call tries cv_bridge out."""
    return _try_out()[1]


def to_rgb(
    pixels: NDArray[Any], encoding: Encoding, policy: ImagePolicy
) -> NDArray[np.uint8] | None:
    """Convert pixels with cv_bridge.

    Args:
        pixels: (height, width) or (height, width, channels) of the encoding's dtype, with any
            strides and byte order.
        encoding: The image's row of ``ENCODINGS``.
        policy: Its bit depth decides whether cv_bridge can convert 16-bit images.

    Returns:
        (height, width, 3) uint8, possibly a view; None if own code has to convert the image.
    """
    if not encoding.bridge or (encoding.dtype == "uint16" and policy.bit_depth not in (0, 16)):
        return None
    bridge, path = _try_out()
    if encoding.name not in path.encodings:
        return None
    try:
        return _convert(bridge, pixels, encoding)
    except Exception:  # own code then reports what is wrong with the image, if anything is
        return None


def _convert(bridge: Any, pixels: NDArray[Any], encoding: Encoding) -> NDArray[np.uint8] | None:
    tight = np.ascontiguousarray(pixels, dtype=encoding.dtype)
    message = SimpleNamespace(
        height=tight.shape[0],
        width=tight.shape[1],
        encoding=encoding.bridge,
        is_bigendian=int(sys.byteorder == "big"),
        step=tight.strides[0],
        data=tight.reshape(-1).view(np.uint8),
    )
    rgb = bridge.imgmsg_to_cv2(message, desired_encoding="rgb8")
    good = (
        isinstance(rgb, np.ndarray) and rgb.dtype == np.uint8 and rgb.shape == (*tight.shape[:2], 3)
    )
    return rgb if good else None


@functools.cache
def _try_out() -> tuple[Any, ConversionPath]:
    """Import cv_bridge, if that cannot crash the process, and compare it with own code."""
    kind, folder = _find()
    if kind == "own":
        return None, ConversionPath("own", (), "cv_bridge is not installed.")
    failure = _run_trial() if kind == "compiled" else ""
    bridge = None
    if not failure:
        try:
            bridge = importlib.import_module("cv_bridge").CvBridge()
        except Exception as error:  # the port raises whatever its own imports raise
            failure = f"{type(error).__name__}: {error}"
    if failure:
        reason = f"cv_bridge in {folder} cannot be used ({failure})."
        return None, ConversionPath("own", (), reason)
    names = tuple(name for name, row in ENCODINGS.items() if row.bridge and _agrees(bridge, row))
    reason = f"The {kind} cv_bridge in {folder} loads and was compared with own code."
    return bridge, ConversionPath(kind, names, reason)


def _find() -> tuple[str, str]:
    """Find cv_bridge without importing it; return its kind and its folder."""
    try:
        spec = importlib.util.find_spec("cv_bridge")
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        return "own", ""
    compiled = any(Path(folders[0]).glob("boost/cv_bridge_boost*.so"))
    return ("compiled" if compiled else "python"), folders[0]


def _run_trial() -> str:
    """Load a compiled cv_bridge in a child process, because a wrong NumPy may crash Python.

    Returns:
        ``""``, or what failed: the last line of the child's stderr, or the signal that ended it.
    """
    command = [sys.executable or "python3", "-c", _TRIAL, *sys.path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__} in a trial run"
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    end = f"signal {-done.returncode}" if done.returncode < 0 else "an error"
    wrong_numpy = b"NumPy" in done.stderr or b"_ARRAY_API" in done.stderr
    hint = "; it was built for another NumPy than the installed one" if wrong_numpy else ""
    return f"its trial run ended with {end}: {lines[-1][:200] if lines else 'no output'}{hint}"


def _agrees(bridge: Any, row: Encoding) -> bool:
    """Compare cv_bridge with own code on a small image of all values."""
    random = np.random.default_rng(0)
    shape = (8, 12, row.channels)[: 2 if row.channels == 1 else 3]
    pixels = random.integers(0, np.iinfo(row.dtype).max, shape, dtype=row.dtype, endpoint=True)
    message = ImageMessage("", row.name, pixels.reshape(-1).view(np.uint8))
    try:
        theirs = _convert(bridge, pixels, row)
    except Exception:  # cv_bridge does not convert this encoding
        return False
    own = color_conversion.to_rgb((pixels,), row, ImagePolicy(), message)
    return theirs is not None and np.array_equal(theirs, own)
