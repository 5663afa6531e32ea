"""The tests that compute, with the GPU as their device.

Those that show on a CPU what a GPU would do (``test_*_cuda.py``) are left out.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gpu.report import arguments

TESTS = Path(__file__).parents[2] / "ros2_ws/src/wm_planner/test"
CHOSEN = (
    "planning", "models", "images/test_image_preprocess.py", "worker/test_fastest.py",
    "worker/test_trials.py", "worker/test_engine_on_a_gpu.py",
)  # fmt: skip


def main() -> int:
    out = arguments().out.resolve()
    os.chdir(TESTS)
    return pytest.main([
        "-q", "--tb=short", "-W", "ignore", "-p", "no:cacheprovider", "-o", "minversion=7",
        "-k", "(cuda or captured or gpu) and not on_cuda and not fake_cuda",
        f"--junitxml={out / 'tests.xml'}", *CHOSEN,
    ])  # fmt: skip
