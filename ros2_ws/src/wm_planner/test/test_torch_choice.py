"""Which PyTorch `make worker` takes for which NVIDIA driver."""

from __future__ import annotations

import ctypes
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


class Libcuda:
    """A driver's library as `find_driver` calls it."""

    def __init__(self, error: int, capabilities: list[tuple[int, int]]) -> None:
        self._error, self._capabilities = error, capabilities
        self.cuGetErrorString = lambda error, text: self._write(text, b"words of the driver")
        self.cuDriverGetVersion = lambda number: self._write(number, 12040)
        self.cuDeviceGetCount = lambda number: self._write(number, len(capabilities))
        self.cuDeviceGet = self._write

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self._error

    def cuDeviceGetAttribute(self, number: Any, name: int, device: Any) -> int:  # noqa: N802
        return self._write(number, self._capabilities[device.value][name - SCRIPT["MAJOR"]])

    def _write(self, reference: Any, value: Any) -> int:
        reference._obj.value = value
        return 0


@pytest.mark.parametrize(
    ("kernel", "error", "capabilities", "found"),
    [
        ("580.65.06", 0, [ADA, VOLTA], None),
        ("", 0, [ADA], None),  # as on WSL
        ("580.65.06", 100, [], "it finds no GPU"),
        ("580.65.06", 0, [], "it finds no GPU"),
        ("", 0, [], "it finds no GPU"),
        ("580.65.06", 803, [], "error 803 (words of the driver)"),
    ],
)
def test_the_driver_is_asked_what_it_finds(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    kernel: str,
    error: int,
    capabilities: list[tuple[int, int]],
    found: str | None,
) -> None:
    asked = _find(monkeypatch, tmp_path, kernel, Libcuda(error, capabilities))
    assert (asked.version, asked.cuda) == (kernel, (12, 4))
    assert asked.capabilities == tuple(capabilities)
    assert found in asked.problem if found else not asked.problem


def test_a_machine_with_no_driver_is_told_from_one_whose_driver_is_incomplete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = OSError("libcuda.so.1: cannot open shared object file")
    assert _find(monkeypatch, tmp_path, "", missing) is None
    assert _find(monkeypatch, tmp_path, "", Libcuda(100, [])) is None  # a container's library
    found = _find(monkeypatch, tmp_path, "580.65.06", missing)
    assert "libnvidia-compute-580" in found.problem


def _find(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kernel: str, library: Libcuda | OSError
) -> Any:
    file = tmp_path / "version"
    if kernel:
        file.write_text(f"NVRM version: NVIDIA UNIX Open Kernel Module  {kernel}  Release Build\n")

    def load(name: str) -> Libcuda:
        assert name == "libcuda.so.1"
        if isinstance(library, OSError):
            raise library
        return library

    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setitem(SCRIPT["find_driver"].__globals__, "KERNEL", file)
    return SCRIPT["find_driver"]()


def test_a_gpu_without_a_driver_is_said() -> None:
    assert "GPU, but no NVIDIA driver" in CHOOSE(None, card=True).reason


def test_an_unknown_wish_is_refused() -> None:
    with pytest.raises(ValueError, match="TORCH=rocm"):
        CHOOSE(None, "rocm")


def test_every_build_is_pinned_exactly() -> None:
    for build in SCRIPT["BUILDS"].values():
        text = (ROOT / "requirements" / f"{build.requirements}.txt").read_text()
        assert re.search(r"^torch==\d+\.\d+\.\d+(\s|$)", text, re.MULTILINE)
