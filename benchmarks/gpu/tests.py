"""The tests of the planner, the models and the preprocessing, with the GPU as their device."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gpu.report import arguments

TESTS = Path(__file__).parents[2] / "ros2_ws/src/wm_planner/test"
CHOSEN = ("planning", "models", "images/test_image_preprocess.py", "worker/test_fastest.py")


def main() -> int:
    out = arguments().out.resolve()
    command = [
        sys.executable, "-m", "pytest", "-q", "-W", "ignore", "-p", "no:cacheprovider",
        "-o", "minversion=7",
        "-k", "cuda or captured", *CHOSEN, f"--junitxml={out / 'tests.xml'}",
    ]  # fmt: skip
    return subprocess.run(command, cwd=TESTS).returncode
