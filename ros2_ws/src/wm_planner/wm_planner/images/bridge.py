"""cv_bridge, used for what it was seen to convert right on this machine.

Several packages are imported as ``cv_bridge``: the compiled one of a ROS distribution, which does
not load beside a NumPy it was not built for, and a pure-Python port on PyPI of an old release, with
faults. So nothing is taken on trust: once per process each encoding of the table is converted both
by cv_bridge and by this package's own code, and cv_bridge keeps those whose pixels are equal. It is
handed tight rows in native byte order only; padding and byte order are its weak places
(``docs/images.md``).
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wm_planner.images import convert
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
    """Who converts raw images in this process, and why.

    Attributes:
        kind: ``"compiled"`` or ``"python"`` cv_bridge, or ``"own"`` code alone.
        version: Version of cv_bridge, ``""`` where it is unknown or absent.
        encodings: Names that cv_bridge converts; own code converts all others.
        reason: Why it is so, a sentence.
    """

    kind: str
    version: str
    encodings: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        """One line for a person."""
        share = f"{len(self.encodings)} of {len(ENCODINGS)}"
        return f"{self.reason} cv_bridge converts {share} encodings, own code the others."


def conversion_path() -> ConversionPath:
    """Tell which code converts raw images and why; the first call tries cv_bridge out."""
    return _tried()[1]


def trusted(encoding: Encoding, policy: ImagePolicy) -> bool:
    """Tell whether cv_bridge converts this encoding as this policy wants it."""
    if not encoding.bridge or (encoding.dtype == "uint16" and policy.bit_depth not in (0, 16)):
        return False
    return encoding.name in _tried()[1].encodings


def to_rgb(pixels: NDArray[Any], encoding: Encoding) -> NDArray[np.uint8] | None:
    """Convert pixels with cv_bridge.

    Args:
        pixels: (height, width) or (height, width, channels) of the encoding's dtype, any strides
            and byte order.
        encoding: A row that ``trusted`` allows.

    Returns:
        (height, width, 3) uint8, perhaps a view; None where cv_bridge fails after all.
    """
    try:
        return _convert(_tried()[0], pixels, encoding)
    except Exception:  # own code then says what is wrong with the image, if anything
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
def _tried() -> tuple[Any, ConversionPath]:
    """Import cv_bridge without being killed by it, and compare it with own code."""
    kind, folder = _find()
    if kind == "own":
        return None, ConversionPath("own", "", (), "cv_bridge is not installed.")
    failure = _trial() if kind == "compiled" else ""
    bridge = None
    if not failure:
        try:
            bridge = importlib.import_module("cv_bridge").CvBridge()
        except Exception as error:  # the port raises what its own imports raise
            failure = f"{type(error).__name__}: {error}"
    if failure:
        reason = f"cv_bridge in {folder} cannot be used ({failure})."
        return None, ConversionPath("own", _version(), (), reason)
    names = tuple(name for name, row in ENCODINGS.items() if row.bridge and _agrees(bridge, row))
    reason = f"The {kind} cv_bridge in {folder} loads and was compared with own code."
    return bridge, ConversionPath(kind, _version(), names, reason)


def _find() -> tuple[str, str]:
    """Find cv_bridge without importing it: its kind and its folder."""
    try:
        spec = importlib.util.find_spec("cv_bridge")
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    if not folders:
        return "own", ""
    built = any(Path(folders[0]).glob("boost/cv_bridge_boost*.so"))
    return ("compiled" if built else "python"), folders[0]


def _trial() -> str:
    """Load a compiled cv_bridge in a child process: a wrong NumPy may crash the interpreter.

    Returns:
        ``""``, or what went wrong: the last line it said, or the signal that ended it.
    """
    command = [sys.executable or "python3", "-c", _TRIAL, *sys.path]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{type(error).__name__} in a trial run"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    end = f"signal {-done.returncode}" if done.returncode < 0 else "an error"
    built = b"NumPy" in done.stderr or b"_ARRAY_API" in done.stderr
    hint = "; it was built for another NumPy than the installed one" if built else ""
    return f"its trial run ended with {end}: {said[-1][:200] if said else 'no output'}{hint}"


def _agrees(bridge: Any, row: Encoding) -> bool:
    """Compare cv_bridge with own code on a small image of every value range."""
    random = np.random.default_rng(0)
    shape = (8, 12, row.channels)[: 2 if row.channels == 1 else 3]
    pixels = random.integers(0, np.iinfo(row.dtype).max, shape, dtype=row.dtype, endpoint=True)
    message = ImageMessage("", row.name, pixels.reshape(-1).view(np.uint8))
    try:
        theirs = _convert(bridge, pixels, row)
    except Exception:  # that is the answer: it does not convert this one
        return False
    own = convert.to_rgb((pixels,), row, ImagePolicy(), message)
    return theirs is not None and np.array_equal(theirs, own)


def _version() -> str:
    try:
        return importlib.metadata.version("cv_bridge")
    except importlib.metadata.PackageNotFoundError:
        return ""
