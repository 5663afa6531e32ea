"""cv_bridge converts only what it was seen to convert right, and cannot crash the process."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import image_oracle as oracle
import numpy as np
import pytest
from numpy.typing import NDArray

from wm_planner.images import ImagePolicy, bridge, conversion_path, decode
from wm_planner.images.encodings import ENCODINGS

_DEFAULT = ImagePolicy()

LIKE_COMPILED = """
    import cv2
    import numpy as np
    CODES = {
        "rgb": None, "bgr": "BGR2RGB", "rgba": "RGBA2RGB", "bgra": "BGRA2RGB", "mono": "GRAY2RGB",
        "bayer_rggb": "BayerBG2RGB", "bayer_bggr": "BayerRG2RGB",
        "bayer_gbrg": "BayerGR2RGB", "bayer_grbg": "BayerGB2RGB",
        "yuv422": "YUV2RGB_UYVY", "yuv422_yuy2": "YUV2RGB_YUY2",
    }
    CALLS = []
    class CvBridge:
        def imgmsg_to_cv2(self, message, desired_encoding):
            CALLS.append(message.encoding)
            name = message.encoding
            bits = 16 if name.endswith("16") else 8
            code = CODES[name.removesuffix("16").removesuffix("8")]
            dtype = np.dtype(f"uint{bits}").newbyteorder(">" if message.is_bigendian else "<")
            channels = message.step // dtype.itemsize // message.width
            image = np.ndarray((message.height, message.width, channels), dtype, message.data)
            if code:
                image = cv2.cvtColor(image, getattr(cv2, "COLOR_" + code))
            if bits == 16:
                image = cv2.convertScaleAbs(image, alpha=255 / 65535)
            return image
"""
SWAPPED = """
    import numpy as np
    class CvBridge:
        def imgmsg_to_cv2(self, message, desired_encoding):
            return np.frombuffer(message.data, np.uint8).reshape(message.height, -1, 3)[..., ::-1]
"""
WRONG_TYPES = """
    import numpy as np
    class CvBridge:
        def imgmsg_to_cv2(self, message, desired_encoding):
            return [None, np.zeros((1, 1)), np.zeros((message.height, message.width, 3))][
                message.width % 3]
"""


def own(message: Any, policy: ImagePolicy = _DEFAULT) -> NDArray[np.uint8]:
    """Decode with own code only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge, "to_rgb", lambda *_: None)
        return decode(message, policy)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Return a function that installs a package named cv_bridge; it is removed after the test."""

    def forget() -> None:
        bridge._try_out.cache_clear()
        for name in [n for n in sys.modules if n.split(".")[0] == "cv_bridge"]:
            del sys.modules[name]

    def put(source: str, boost: str | None = None) -> Path:
        package = tmp_path / "cv_bridge"
        (package / "boost").mkdir(parents=True)
        (package / "__init__.py").write_text(textwrap.dedent(source))
        (package / "boost" / "__init__.py").write_text(textwrap.dedent(boost or ""))
        if boost is not None:
            (package / "boost" / "cv_bridge_boost.cpython-00-x.so").write_bytes(b"not an ELF file")
        monkeypatch.syspath_prepend(tmp_path)
        return package

    forget()
    yield put
    monkeypatch.undo()
    forget()


def test_own_code_converts_all_if_cv_bridge_is_absent(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv_bridge", None)
    path = conversion_path()
    assert (path.kind, path.encodings) == ("own", ())
    assert "not installed" in str(path)


@pytest.mark.parametrize(
    "failure",
    [
        "raise ImportError('numpy.core.multiarray failed to import')",
        "raise AttributeError('_ARRAY_API not found')",
        "raise SystemError('initialization raised unreported exception')",
        "import a_module_that_is_not_there",
        "x = 1",
    ],
)
def test_cv_bridge_that_fails_to_import_is_not_used(
    install: Callable[..., Path], failure: str
) -> None:
    install(failure)
    assert conversion_path().kind == "own"
    assert "cannot be used" in conversion_path().reason
    image = oracle.make("bgr8", 4, 4)
    assert image.matches(decode(image.message()))


@pytest.mark.parametrize(
    ("boost", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("import os; os.abort()", "signal 6"),
        ("raise AttributeError('_ARRAY_API not found')", "another NumPy"),
        ("", "cv_bridge_boost"),
    ],
)
def test_compiled_cv_bridge_that_crashes_is_detected_in_a_child_process(
    install: Callable[..., Path], boost: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    install(LIKE_COMPILED, boost)
    assert conversion_path().kind == "own"
    assert reason in conversion_path().reason
    assert "cv_bridge" not in sys.modules
    image = oracle.make("bgr8", 4, 4)
    assert image.matches(decode(image.message()))
    assert capfd.readouterr().err == ""


def test_compiled_cv_bridge_that_loads_is_used(install: Callable[..., Path]) -> None:
    package = install(LIKE_COMPILED, "")
    (package / "boost" / "cv_bridge_boost.py").write_text("def cvtColor2(a, b, c): return a")
    assert conversion_path().kind == "compiled"


def test_every_encoding_that_cv_bridge_converts_right_goes_through_it(
    install: Callable[..., Path],
) -> None:
    install(LIKE_COMPILED)
    assert set(conversion_path().encodings) == {n for n, row in ENCODINGS.items() if row.bridge}
    calls = sys.modules["cv_bridge"].CALLS
    for name in conversion_path().encodings:
        calls.clear()
        image = oracle.make(name, 6, 8)
        for padding, big_endian in ((0, False), (5, False), (0, True)):
            message = image.message(padding=padding, big_endian=big_endian)
            assert image.matches(decode(message))
            assert np.array_equal(decode(message), own(message))
        assert calls == [ENCODINGS[name].bridge] * 6


def test_result_of_cv_bridge_never_aliases_the_message(install: Callable[..., Path]) -> None:
    install(LIKE_COMPILED)
    message = oracle.make("rgb8", 4, 4).message(container="bytearray")
    rgb = decode(message)
    rgb[:] = 0
    assert any(message.data)
    assert rgb.flags.owndata


def test_cv_bridge_does_not_convert_other_bit_depths(
    install: Callable[..., Path],
) -> None:
    install(LIKE_COMPILED)
    decode(oracle.make("rgb8", 4, 4).message())
    calls = sys.modules["cv_bridge"].CALLS
    calls.clear()
    message = oracle.make("mono8", 1, 2).message()
    message.encoding, message.width, message.step = "mono16", 1, 2
    message.data = b"\xff\x0f"
    assert decode(message, ImagePolicy(bit_depth=12)).max() == 255
    assert calls == []


@pytest.mark.parametrize(("source", "right"), [(SWAPPED, {"bgr8"}), (WRONG_TYPES, set())])
def test_cv_bridge_does_not_convert_encodings_that_it_gets_wrong(
    install: Callable[..., Path], source: str, right: set[str]
) -> None:
    install(source)
    assert set(conversion_path().encodings) == right
    image = oracle.make("rgb8", 4, 4)
    assert image.matches(decode(image.message()))


def test_own_code_converts_what_cv_bridge_later_fails_to_convert(
    install: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    install(LIKE_COMPILED)
    assert "rgb8" in conversion_path().encodings

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("failed")

    monkeypatch.setattr(sys.modules["cv_bridge"].CvBridge, "imgmsg_to_cv2", fail)
    image = oracle.make("rgb8", 4, 4)
    assert image.matches(decode(image.message()))


@pytest.mark.parametrize("encoding", oracle.ALL)
def test_the_installed_cv_bridge_and_own_code_give_the_same_pixels(encoding: str) -> None:
    message = oracle.make(encoding, 34, 66, seed=1).message(padding=7)
    declared = ImagePolicy(generic_color_order="rgb", float_range="[0,1]", bit_depth=16)
    assert np.array_equal(decode(message, declared), own(message, declared))
