"""Which PyTorch `make worker` takes for which NVIDIA driver."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[4]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "torch_choice.py"))
CHOOSE, DRIVER = SCRIPT["choose"], SCRIPT["Driver"]
ADA, VOLTA, PASCAL = (8, 9), (7, 0), (6, 1)  # compute capabilities


def driver(cuda: tuple[int, int], *capabilities: tuple[int, int], problem: str = "") -> Any:
    return DRIVER("550.54.14", cuda, capabilities, problem)


@pytest.mark.parametrize(
    ("found", "wish", "requirements", "gpu"),
    [
        (None, "", "torch", False),
        (None, "cuda12", "torch-cuda12", False),  # for another machine
        (driver((13, 0), ADA), "", "torch", True),
        (driver((13, 2), ADA), "cuda12", "torch-cuda12", True),
        (driver((13, 0), VOLTA), "", "torch-cuda12", True),
        (driver((13, 0), PASCAL, ADA), "", "torch", True),
        (driver((12, 4), ADA), "", "torch-cuda12", True),
        (driver((12, 0), ADA), "", "torch-cuda12", True),
        (driver((11, 8), ADA), "cpu", "torch", False),
        (driver((12, 4), ADA, problem="it is broken"), "cpu", "torch", False),
    ],
)
def test_a_driver_has_its_build(found: Any, wish: str, requirements: str, gpu: bool) -> None:
    choice = CHOOSE(found, wish)
    assert (choice.build.requirements, choice.gpu) == (requirements, gpu)


@pytest.mark.parametrize(
    ("found", "wish", "said"),
    [
        (driver((11, 8), ADA), "", ["550.54.14", "CUDA 11.8", "driver 525 or newer"]),
        (driver((12, 4), ADA), "cuda13", ["CUDA 12.4", "driver 580 or newer"]),
        (driver((12, 4), ADA, problem="it is broken"), "", ["550.54.14", "it is broken"]),
        (driver((13, 0), PASCAL), "", ["6.1", "7.0"]),
    ],
)
def test_an_unfit_driver_is_explained_and_how_to_go_on(
    found: Any, wish: str, said: list[str]
) -> None:
    with pytest.raises(ValueError, match="make worker TORCH=cpu") as error:
        CHOOSE(found, wish)
    assert [words for words in said if words not in str(error.value)] == []


def test_a_gpu_without_a_driver_is_said() -> None:
    assert "GPU, but no NVIDIA driver" in CHOOSE(None, card=True).reason


def test_an_unknown_wish_is_refused() -> None:
    with pytest.raises(ValueError, match="TORCH=rocm"):
        CHOOSE(None, "rocm")


def test_every_build_is_pinned_exactly() -> None:
    for build in SCRIPT["BUILDS"].values():
        text = (ROOT / "requirements" / f"{build.requirements}.txt").read_text()
        assert re.search(r"^torch==\d+\.\d+\.\d+(\s|$)", text, re.MULTILINE)
