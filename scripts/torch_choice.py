"""Choose the PyTorch for this machine. Asks the NVIDIA driver itself, without tools or PyTorch."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from pathlib import Path

KERNEL = Path("/proc/driver/nvidia/version")  # what the kernel says about the driver
NO_DEVICE = 100  # error of cuInit
MAJOR, MINOR = 75, 76  # device attributes with the compute capability


@dataclass(frozen=True)
class Build:
    """A public build of PyTorch.

    Attributes:
        requirements: The file in requirements/ that pins it.
        cuda: The oldest CUDA that the driver must take.
        driver: The oldest such driver.
        capability: Compute capability of the oldest GPU that it has code for.
        download, disk: Size of an environment with it [GB].
    """

    requirements: str
    cuda: tuple[int, int]
    driver: str
    capability: tuple[int, int]
    download: float
    disk: int


BUILDS = {  # the preferred one first
    "cuda13": Build("torch", (13, 0), "580", (7, 5), 2.8, 5),
    "cuda12": Build("torch-cuda12", (12, 0), "525", (7, 0), 4.1, 7),
}
WISHES = ("", "cpu", *BUILDS)


@dataclass(frozen=True)
class Driver:
    """An NVIDIA driver.

    Attributes:
        version: E.g. "550.54.14"; empty if the kernel does not say, as on WSL.
        cuda: The newest CUDA that it takes, e.g. (12, 4).
        capabilities: Compute capabilities of its GPUs.
        problem: Why it cannot be used; empty if it can.
    """

    version: str = ""
    cuda: tuple[int, int] = (0, 0)
    capabilities: tuple[tuple[int, int], ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        return f"NVIDIA driver {self.version}".rstrip()


@dataclass(frozen=True)
class Choice:
    """A build, the reason for it, and whether it will compute on a GPU."""

    build: Build
    reason: str
    gpu: bool


def choose(driver: Driver | None, wish: str = "", *, card: bool = False) -> Choice:
    """Return the build for a driver.

    Args:
        driver: The driver that was found; None if there is none.
        wish: What the user asked for: cpu, one of ``BUILDS``, or nothing.
        card: Whether there is an NVIDIA GPU, with or without a driver.

    Raises:
        ValueError: No build fits; the message says what to do.
    """
    default = BUILDS["cuda13"]
    if wish not in WISHES:
        raise ValueError(f"There is no TORCH={wish}: use cpu, {' or '.join(BUILDS)}, or nothing.")
    if wish == "cpu":
        return Choice(default, "TORCH=cpu", gpu=False)
    if driver is None:
        found = "There is an NVIDIA GPU, but no NVIDIA driver" if card else "No NVIDIA driver"
        return Choice(BUILDS.get(wish, default), found, gpu=False)
    without = "To use the CPU: make worker TORCH=cpu"
    if driver.problem:
        raise ValueError(f"The {driver} cannot be used: {driver.problem}. {without}")
    takes = f"{driver} takes CUDA {_dotted(driver.cuda)}"
    wanted = [BUILDS[wish]] if wish else list(BUILDS.values())
    taken = [build for build in wanted if driver.cuda >= build.cuda]
    if not taken:
        oldest = wanted[-1]
        raise ValueError(
            f"{takes}, but PyTorch is built for CUDA {_dotted(oldest.cuda)}: install NVIDIA driver "
            f"{oldest.driver} or newer. {without}"
        )
    for build in taken:
        if any(capability >= build.capability for capability in driver.capabilities):
            return Choice(build, takes, gpu=True)
    newest = max(driver.capabilities, default=(0, 0))
    raise ValueError(
        f"The GPU's compute capability is {_dotted(newest)}; the oldest that PyTorch "
        f"has code for is {_dotted(taken[-1].capability)}. {without}"
    )


def find_driver() -> Driver | None:
    """The NVIDIA driver of this machine, if it has one and a GPU with it."""
    try:
        text = KERNEL.read_text()
    except OSError:
        text = ""
    numbers = re.search(r"\b\d{3}\.\d+(?:\.\d+)?\b", text)
    version = numbers[0] if numbers else ""
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError:
        if not text:
            return None
        major = version.partition(".")[0]
        problem = f"libcuda.so.1 is missing (on Ubuntu in libnvidia-compute-{major})"
        return Driver(version, problem=problem)
    number, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(number))
    takes = (number.value // 1000, number.value % 1000 // 10)
    error = cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count))
    if error == NO_DEVICE and not text:
        return None
    if error == NO_DEVICE or (not error and not count.value):
        problem = "it finds no GPU: see what nvidia-smi says"
        problem += ", and whether CUDA_VISIBLE_DEVICES hides it"
        return Driver(version, takes, problem=problem)
    if error:
        name = ctypes.c_char_p()
        cuda.cuGetErrorString(error, ctypes.byref(name))
        said = name.value.decode() if name.value else "unknown"
        problem = f"it reports error {error} ({said}); after an update it needs a reboot"
        return Driver(version, takes, problem=problem)
    return Driver(version, takes, tuple(_capability(cuda, i) for i in range(count.value)))


def has_card() -> bool:
    """Return whether there is an NVIDIA GPU on the PCI bus."""
    for device in Path("/sys/bus/pci/devices").glob("*"):
        vendor, kind = (_read(device / name) for name in ("vendor", "class"))
        if vendor == "0x10de" and kind.startswith("0x03"):
            return True
    return False


def _capability(cuda: ctypes.CDLL, index: int) -> tuple[int, int]:
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    cuda.cuDeviceGet(ctypes.byref(device), index)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), MAJOR, device)
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), MINOR, device)
    return major.value, minor.value


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
