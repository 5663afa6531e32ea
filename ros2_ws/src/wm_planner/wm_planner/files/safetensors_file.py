"""Open safetensors files whose paths come from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from safetensors import safe_open
from torch import Tensor

from wm_planner.files.regular import check_regular
from wm_planner.text import one_line

WeightFiles: TypeAlias = Path | tuple[Path, ...]
"""One file of a model's weights, or several, in which every tensor occurs once."""


class RepeatedTensorError(ValueError):
    """A tensor that is in two weight files."""


class Tensors:
    """The tensors of one or several open files.

    Args:
        files: What ``safe_open`` returned, by path.

    Raises:
        RepeatedTensorError: A tensor is in two of them.
    """

    def __init__(self, files: dict[Path, Any]) -> None:
        self._files: dict[str, Any] = {}
        for path, file in files.items():
            for name in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                if self._files.setdefault(name, file) is not file:
                    raise RepeatedTensorError(
                        f"tensor {one_line(name, 256)} of {path} is in another weight file too: "
                        "export the files again, with each tensor in one"
                    )

    @property
    def names(self) -> list[str]:
        """Names of the tensors."""
        return list(self._files)

    def header(self, name: str) -> Any:
        """Return a tensor's ``get_shape()`` and ``get_dtype()``, without reading its numbers."""
        return self._files[name].get_slice(name)

    def read(self, name: str) -> Tensor:
        """Read a tensor."""
        tensor: Tensor = self._files[name].get_tensor(name)
        return tensor


def named(weights: WeightFiles) -> str:
    """Return the paths, for a sentence."""
    return str(weights) if isinstance(weights, Path) else ", ".join(map(str, weights))


@contextmanager
def open_safetensors(weights: WeightFiles) -> Iterator[Tensors]:
    """Open files; only their headers are read, which the library checks against the sizes.

    Raises:
        OSError: A file cannot be read, or is no regular file.
        SafetensorError: One is damaged.
        RepeatedTensorError: A tensor is in two of them.
    """
    with ExitStack() as stack:
        files = {}
        for path in (weights,) if isinstance(weights, Path) else weights:
            check_regular(path)
            files[path] = stack.enter_context(safe_open(path, framework="pt"))
        yield Tensors(files)
