"""The device of a model, and why a GPU cannot be it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import torch

from wm_planner.explain import explain
from wm_planner.text import one_line

DRIVER = Path("/proc/driver/nvidia/version")
PCI = Path("/sys/bus/pci/devices")
_NVIDIA = "0x10de"


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the torch device; ``auto`` is the first GPU if it can be used, else the CPU.

    Raises:
        ValueError: torch does not know the device, this machine does not have it, or it cannot be
            used; the message says why.
    """
    if device == "auto":
        usable = torch.cuda.is_available() and not gpu_problem(torch.device("cuda"))
        return torch.device("cuda" if usable else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError as error:
        raise ValueError(
            f"model.device is {device}, which torch does not know: use auto, cpu, cuda or cuda:1"
        ) from error
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(f"model.device is {device}; models run on auto, cpu, cuda or cuda:1")
    if resolved.type == "cuda" and (problem := gpu_problem(resolved)):
        raise ValueError(f"model.device is {device}, but {problem}")
    return resolved


def gpu_problem(device: torch.device) -> str:
    """Compute something on a GPU; return why that fails, or an empty string."""
    count = torch.cuda.device_count()
    if torch.version.cuda is None and torch.version.hip is None:
        return _without_cuda()
    if 0 < count <= (device.index or 0):
        return f"torch {torch.__version__} sees {count} GPU{'s' * (count > 1)}: use auto or cpu"
    try:
        numbers = torch.ones(8, 8, device=device)
        float((numbers @ numbers + 1).sum())  # waits for the result
    except Exception as error:  # of the driver, whatever it raises
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        shown = "" if hidden is None else f" (CUDA_VISIBLE_DEVICES is {one_line(hidden, 60)!r})"
        return f"{explain(error) or repr(error)}{shown}"
    return ""


def unused_gpu() -> str:
    """Return why the machine's NVIDIA GPU is not used; empty if there is none, or it can be."""
    if not (driver() or _in_pci()):
        return ""
    return gpu_problem(torch.device("cuda"))


def driver() -> str:
    """Return the version of the NVIDIA driver; empty if there is none."""
    try:
        found = re.search(r"\d+\.\d+[\d.]*", DRIVER.read_text())
    except OSError:
        return ""
    return found[0] if found else "of an unknown version"


def _without_cuda() -> str:
    built = f"PyTorch {torch.__version__} of {sys.executable} was built without CUDA"
    if version := driver():
        return (
            f"{built}, though this machine has the NVIDIA driver {version}: `make worker` installs "
            "a build for it, or set model.device to cpu"
        )
    if _in_pci():
        return (
            f"{built}, and this machine has an NVIDIA GPU without a driver: install the driver, "
            "then run `make worker`, or set model.device to cpu"
        )
    return f"{built}, and this machine has no NVIDIA GPU: set model.device to auto or cpu"


def _in_pci() -> bool:
    """Decide whether the machine has a display or 3D controller of NVIDIA."""
    try:
        return any(
            (place / "vendor").read_text().strip() == _NVIDIA
            and (place / "class").read_text().startswith("0x03")
            for place in PCI.iterdir()
        )
    except OSError:
        return False
