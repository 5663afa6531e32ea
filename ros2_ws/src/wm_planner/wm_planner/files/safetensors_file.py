"""Open safetensors files that somebody else named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from safetensors import SafetensorError, safe_open
from torch import Tensor

from wm_planner.files.regular import check_regular
from wm_planner.text import one_line

WeightFiles: TypeAlias = Path | tuple[Path, ...]
"""One file of a model's weights, or several, in which every tensor occurs once."""


class Tensors:
    """The tensors of one or several open files.

    Args:
        files: What ``safe_open`` returned.

    Raises:
        SafetensorError: A tensor is in two of them.
    """

    def __init__(self, files: list[Any]) -> None:
        self._files: dict[str, Any] = {}
        for file in files:
            for name in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                if self._files.setdefault(name, file) is not file:
                    raise SafetensorError(f"{one_line(name, 256)} is in two of the weight files")

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
    """Open files, of which only the headers are read yet; the library compares them with the sizes.

    Raises:
        OSError: A file cannot be read, or is no regular file.
        SafetensorError: One is damaged, or a tensor is in two of them.
    """
    with ExitStack() as stack:
        files = []
        for path in (weights,) if isinstance(weights, Path) else weights:
            check_regular(path)
            files.append(stack.enter_context(safe_open(path, framework="pt")))
        yield Tensors(files)
