"""Sentences on errors: what is wrong, where, and what to do; for commands and for the worker.

Errors of this package have a sentence already. Those of the machine and its software (files,
memory, packages, the GPU, the compiler) get one here. What is left is a bug.
"""

from __future__ import annotations

import dis
import re
import sys
import tempfile
import traceback
from collections.abc import Iterator
from importlib.util import find_spec

from wm_planner.text import one_line

BUG = 70
"""Exit code of a command after a bug, EX_SOFTWARE of sysexits.h."""
PACKAGES = {
    "ament_index_python": "",  # of ROS 2, not of pip
    "cv2": "opencv-python-headless",
    "hydra": "hydra-core",
    "rclpy": "",
    "yaml": "PyYAML",
}
"""Packages of pip by module, if they differ; empty: of ROS 2."""

NEEDED = ("cv2", "hydra", "numpy", "omegaconf", "safetensors", "torch", "yaml")
"""Modules that a plan needs, as requirements/worker.txt has them."""
OLDEST = (3, 10)
"""The oldest Python that can run this package."""

_COMPILE = (
    "torch.compile, which model.compute=compiled uses, {what}. Install {it}, or set model.compute "
    "to eager"
)
_COMPILER = _COMPILE.format(
    what="finds no C++ compiler that works, or not Python's headers (Python.h)",
    it="g++ and the headers (apt install g++ python3-dev), and check the variables CXX and CC",
)
_CPU = "or set model.device to cpu"
_GPU = "(?i:CUDA|cuDNN|cuBLAS|NVML)[^\\n]*"  # before words that other errors have, too
_GPU_MEMORY = (
    r"\b(?:CUDA|HIP|XPU|MPS backend) out of memory\b"
    r"|\b(?:CUDA|HIP|CUDA driver) error: out of memory\b"
    r"|\bTriton Error \[(?:CUDA|HIP)\]: out of memory\b"
    r"|\b(?:CU|HIP|ROC)[A-Z]+_(?:STATUS_)?ALLOC(?:ATION)?_FAILED\b"  # cuBLAS, cuDNN, cuSOLVER, ...
    r"|\bCUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED\b"
)
_CPU_MEMORY = (
    r"\bDefaultCPUAllocator: (?:can't allocate|not enough) memory\b|\bbad_alloc\b"
    r"|\bCUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED\b"
)
_MEMORY: tuple[tuple[str, str], ...] = (
    (
        f"{_GPU_MEMORY}|OutOfMemoryError",
        "the GPU's memory is full: end other processes on it (nvidia-smi lists them), or lower "
        "planning.chunk or planning.num_samples",
    ),
    (
        _CPU_MEMORY,
        "memory is full: end other processes, or lower planning.chunk or planning.num_samples",
    ),
)
_TORCH: tuple[tuple[str, str], ...] = (
    (r"InvalidCxxCompiler|CppCompileError|Python\.h|Failed to find C compiler", _COMPILER),
    (
        "TritonMissing|GPUTooOldForTriton|working triton",
        _COMPILE.format(what="finds no Triton that works with this GPU", it="Triton"),
    ),
    ("not compiled with CUDA", f"PyTorch was built without CUDA: install a build with it, {_CPU}"),
    (
        "no kernel image is available",
        "this build of PyTorch has no kernels for this GPU, which is too old or too new for it: "
        f"install a build that lists the GPU (torch.cuda.get_arch_list()), {_CPU}",
    ),
    (
        "driver on your system is too old|driver version is insufficient",
        "the NVIDIA driver is too old for this build of PyTorch: update the driver, or install a "
        f"PyTorch built for an older CUDA, {_CPU}",
    ),
    (
        f"{_GPU}(unsupported display driver|forward compatibility)|library version mismatch",
        f"the NVIDIA driver and its libraries are of different versions: reboot, {_CPU}",
    ),
    ("Found no NVIDIA driver", f"there is no NVIDIA driver: install it, {_CPU}"),
    (
        "No CUDA GPUs are available|no CUDA-capable device",
        "CUDA finds no GPU: check nvidia-smi and the variable CUDA_VISIBLE_DEVICES, start a "
        f"container with the GPU (--gpus all), {_CPU}",
    ),
    (
        f"CUDA driver initialization|{_GPU}initialization error|CUDA unknown error",
        "CUDA cannot be started: check nvidia-smi, reboot after an update of the driver, let a "
        f"container use the GPU (--gpus all), {_CPU}",
    ),
    (
        f"{_GPU}(busy or unavailable|exclusive)",
        f"another process has the GPU for itself: end it (nvidia-smi lists it), {_CPU}",
    ),
    (
        r"CUDA error|CUDNN_STATUS|CUBLAS_STATUS|cuDNN error|NVML|nvrtc",
        f"the GPU or its driver failed: see `dmesg`, restart the process, {_CPU}",
    ),
)
"""Sentences by what an error of PyTorch says."""


def explain(error: BaseException) -> str:
    """Return a sentence on an error, without a full stop; empty if it is a bug."""
    if old := old_python(sys.version_info[:2]):
        return f"{one_line(sys.executable, 300)} {old}"
    if type(error).__module__.startswith("wm_planner"):
        return str(error)
    if isinstance(error, ImportError):
        return missing_package(error)
    chain = list(_chain(error))
    said = " ".join(f"{type(each).__name__}: {each}" for each in chain)
    if not isinstance(error, ValueError | OSError) or "CUDA" in said:
        for pattern, sentence in (*(_MEMORY if any(map(of_memory, chain)) else ()), *_TORCH):
            if found := re.search(pattern, said):
                return f"{sentence} ({_around(said, found.start(found.lastindex or 0))})"
    if isinstance(error, OSError):
        place = f": {one_line(str(error.filename), 300)}" if error.filename else ""
        return one_line(f"{error.strerror or error}{place}")
    if isinstance(error, MemoryError):
        return "memory is full: end other processes, or give smaller files"
    # A ValueError that this package raises has a sentence; that of a library is a bug.
    ours = isinstance(error, ValueError) and _raised_here(error)
    return one_line(str(error)) if ours else ""


def of_memory(error: BaseException) -> bool:
    """Decide whether an error says that memory ran out, of a GPU or of the machine.

    Some errors of memory have a type of their own. For the others PyTorch and the libraries of the
    GPU raise a RuntimeError, so that only the words tell. Nothing else counts, whatever it says.
    """
    if isinstance(error, MemoryError):
        return True
    if not isinstance(error, RuntimeError):
        return False
    types = {f"{each.__module__}.{each.__name__}" for each in type(error).__mro__}  # without torch
    return "torch.OutOfMemoryError" in types or bool(
        re.search(f"{_GPU_MEMORY}|{_CPU_MEMORY}", str(error))
    )


def _raised_here(error: BaseException) -> bool:
    """Return whether an error comes from a ``raise`` in this package, not from what it called."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    module = trace.tb_frame.f_globals
    # With `python -m wm_planner…` the name is __main__.
    name = getattr(module.get("__spec__"), "name", module.get("__name__"))
    if not str(name).startswith("wm_planner"):
        return False
    return trace.tb_frame.f_code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]


def missing_package(error: ImportError) -> str:
    """Return a sentence on a package that this interpreter lacks or cannot load."""
    module = (error.name or "").partition(".")[0]
    where = one_line(sys.executable, 300)
    if isinstance(error, ModuleNotFoundError) and module:
        if PACKAGES.get(module) == "":
            return f"{where} has no {module}, which is a part of ROS 2: source its setup file"
        # A user who installs one package after another would see one sentence after another.
        others = [name for name in NEEDED if name != module and find_spec(name) is None]
        names = [PACKAGES.get(name, name) for name in (module, *others)]
        many = len(names) > 1
        return (
            f"{where} lacks the Python package{'s' * many} {', '.join(names)}: `{where} -m pip "
            f"install {' '.join(names)}` installs {'them' if many else 'it'}; `make worker` makes "
            "an environment with all packages, whose interpreter worker.python or "
            "WM_PLANNER_WORKER_PYTHON can name"
        )
    return (
        f"{where} cannot load {module or 'a package'} ({one_line(str(error), 200)}): it is damaged "
        "or made for another Python or system: install it again, or make an environment with all "
        "packages with `make worker`"
    )


def bug(error: BaseException) -> str:
    """Write the traceback of a bug into a file, and return a sentence on it."""
    said = f"a bug of wm-planner ({type(error).__name__}: {one_line(str(error), 200)})"
    trace = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="wm-planner-", suffix=".txt", delete=False, errors="replace"
        ) as file:
            file.write(trace)
    except OSError:
        print(trace, file=sys.stderr)
        return f"{said}; please report it with the lines above"
    return f"{said}; please report it with {file.name}, which says where it happened"


def old_python(version: tuple[int, ...]) -> str:
    """Return the end of a sentence on a Python that is too old; empty if it is not."""
    if version >= OLDEST:
        return ""
    had, needed = ".".join(map(str, version)), ".".join(map(str, OLDEST))
    return f"is Python {had}, but the planner needs {needed} or a newer one"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _around(text: str, place: int) -> str:
    """Return the sentence of a library that a place is in, as one line."""
    return one_line(re.split(r"\n|\. ", text[place:])[0], 150)
