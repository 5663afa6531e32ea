"""Time decoding, preprocessing and the camera contract on one core.

Decoding is measured for every encoding, also relative to a copy of the same bytes.
"""

from __future__ import annotations

import argparse
import array
import platform
import time
from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import torch
from benchmark_parsers import make_benchmark_parser

from wm_planner.camera_contract import CameraExpectation, CameraMonitor
from wm_planner.cli.arguments import positive, whole_number
from wm_planner.ending import explained
from wm_planner.images import ImagePolicy, conversion_path, decode
from wm_planner.images.encodings import ENCODINGS, Encoding
from wm_planner.images.preprocess import Preprocess

DECLARED = ImagePolicy(generic_color_order="bgr", float_range="[0,1]", bit_depth=16)
TARGETS = [("rgb8", 480, 640, 3.0), ("bgra8", 720, 1280, 6.0)]
"""Encoding, height, width, and the target for the time of decoding and preprocessing [ms]."""

SMALLEST = 20  # [pixels], side of an image


def times(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Return the fastest and the median time of a call [ms]."""
    work()
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) * 1e3)
    return min(spent), float(np.median(spent))


def raw_message(row: Encoding, height: int, width: int) -> SimpleNamespace:
    """Return a message with random pixels; its data is an array, as in rclpy."""
    random = np.random.default_rng(0)
    shared = row.chroma_block[0] * row.chroma_block[1]
    values = height * width * row.channels + (2 * height * width // shared) * row.two_planes
    if row.dtype.startswith("float"):
        data = random.random(values).astype(row.dtype)
    else:
        data = random.integers(0, np.iinfo(row.dtype).max, values, dtype=row.dtype)
    step = width * row.channels * np.dtype(row.dtype).itemsize
    return SimpleNamespace(
        height=height, width=width, encoding=row.name, is_bigendian=0, step=step,
        data=array.array("B", data.tobytes()),
    )  # fmt: skip


def compressed_message(kind: str, height: int, width: int) -> SimpleNamespace:
    """Return a message with a smooth, slightly noisy image, compressed as by image_transport."""
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (height // 20, width // 20, 3), dtype=np.uint8)
    smooth = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    noise = random.integers(0, 4, smooth.shape, dtype=np.uint8)
    data = cv2.imencode(f".{kind}", cv2.add(smooth, noise))[1].tobytes()
    form = f"rgb8; {'jpeg' if kind == 'jpg' else kind} compressed bgr8"
    return SimpleNamespace(format=form, data=array.array("B", data))


def line(name: str, message: SimpleNamespace, rounds: int) -> None:
    """Print the times of decoding a message, and their ratio to copying the same bytes."""
    copy, _ = times(lambda: np.frombuffer(message.data, np.uint8).copy(), rounds)
    best, median = times(lambda: decode(message, DECLARED), rounds)
    size = len(message.data) / 1e6
    print(f"| {name} | {size:.2f} | {copy:.3f} | {best:.3f} | {median:.3f} | {best / copy:.1f} |")


def side(text: str) -> int:
    """Return the side of an image, which every encoding can have.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    if (pixels := whole_number(SMALLEST)(text)) % 2:
        raise argparse.ArgumentTypeError(f"{text} is odd")
    return pixels


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("images", __doc__, "--height 480 --width 640 --rounds 200")
    add = parser.add_argument
    add("--height", type=side, default=480, metavar="PIXELS", help="an even number (%(default)s)")
    add("--width", type=side, default=640, metavar="PIXELS", help="an even number (%(default)s)")
    add(
        "--rounds", type=positive, default=200, metavar="N",
        help="rounds of each measurement (%(default)s)",
    )  # fmt: skip
    return parser


@explained("images")
def main() -> None:
    """Run all measurements and print the tables."""
    options = make_parser().parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    size = (options.height, options.width)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, ", end="")
    print(f"OpenCV {cv2.__version__}, torch {torch.__version__}, one thread. {conversion_path()}")
    print(f"\n{options.width}x{options.height}, {options.rounds} rounds, times in ms\n")
    print("| encoding | MB | copy, best | decode, best | decode, median | ratio of bests |")
    print("|---|---|---|---|---|---|")
    for name, row in ENCODINGS.items():
        line(name, raw_message(row, *size), options.rounds)
    for kind in ("jpg", "png"):
        line(kind, compressed_message(kind, *size), max(20, options.rounds // 5))

    print("\n| to the model's input (224x224 float32) | best | median | target |")
    print("|---|---|---|---|")
    preprocess = Preprocess(224)
    for name, height, width, target in TARGETS:
        message = raw_message(ENCODINGS[name], height, width)

        def whole(message: SimpleNamespace = message) -> object:
            return preprocess(decode(message, DECLARED)[None, None])

        best, median = times(whole, options.rounds)
        print(f"| {width}x{height} {name} | {best:.2f} | {median:.2f} | {target:.0f} |")

    image = decode(raw_message(ENCODINGS["rgb8"], *size))
    monitor = CameraMonitor(CameraExpectation(224, (0.5,) * 3, (0.3,) * 3))
    print("\n| camera contract | best | median |\n|---|---|---|")
    best, median = times(lambda: monitor.observe(image, 0.0), options.rounds)
    print(f"| observe, every image | {best:.3f} | {median:.3f} |")
    best, median = times(lambda: monitor.check(image), options.rounds)
    print(f"| check, at intervals | {best:.3f} | {median:.3f} |")


if __name__ == "__main__":
    main()
