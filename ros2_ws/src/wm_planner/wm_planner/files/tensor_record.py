"""A tensor in a file of ``torch.save`` that is read only when asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from wm_planner.files.errors import FileFormatError

DTYPES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
"""Data types by the class of their storage."""


class Archive(Protocol):
    """A file with the bytes of tensors."""

    path: Path

    def read_storage(self, key: str, size: int) -> torch.Tensor:
        """Return the bytes of one storage: (size,) uint8, in memory of their own.

        Raises:
            FileFormatError: It is missing, damaged or of another size.
            OSError: The file cannot be read.
        """


@dataclass(frozen=True, eq=False)
class Storage:
    """The elements of one or more tensors: their file, class, key in the file, and count."""

    archive: Archive
    kind: str
    key: str
    count: int


@dataclass(frozen=True, eq=False, repr=False)
class TensorRecord:
    """A tensor that ``read`` reads.

    Attributes:
        storage: Where its elements are.
        offset: Index of its first element there.
        shape: Sizes.
        stride: Strides, in elements.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        numbers = (self.storage.count, self.offset, *self.shape, *self.stride)
        if len(self.shape) != len(self.stride) or any(
            type(number) is not int or number < 0 for number in numbers
        ):
            raise FileFormatError("it holds a tensor whose sizes are no sizes")
        elements, last = math.prod(self.shape), self.offset
        last += sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        # At most as many elements as the storage has: a stride of 0 could fill any memory.
        if elements > self.storage.count or (elements and last >= self.storage.count):
            raise FileFormatError(
                f"it holds a tensor of shape {list(self.shape)} in {self.storage.count} elements"
            )

    def read(self) -> torch.Tensor:
        """Return the tensor on the CPU, contiguous, in memory of its own.

        Raises:
            FileFormatError: Its elements are missing or damaged.
        """
        path, kind = self.storage.archive.path, self.storage.kind
        if (dtype := DTYPES.get(kind)) is None:
            raise FileFormatError(f"{path} has a tensor of the unknown kind {kind}")
        if not math.prod(self.shape):
            return torch.empty(self.shape, dtype=dtype)
        size = self.storage.count * dtype.itemsize
        try:
            content = self.storage.archive.read_storage(self.storage.key, size)
        except (FileFormatError, OSError) as error:
            raise FileFormatError(f"{path} cannot be used: {error}") from error
        flat = content.view(dtype)
        view = flat.as_strided(self.shape, self.stride, self.offset)
        if len(flat) == view.numel() and view.is_contiguous():
            return view
        return view.clone(memory_format=torch.contiguous_format)


def rebuild_tensor(
    storage: Any, offset: Any, shape: Any, stride: Any, *_gradient_and_hooks: Any
) -> TensorRecord:
    """Stand in for ``torch._utils._rebuild_tensor_v2``.

    Raises:
        FileFormatError: The tensor does not lie in its storage.
    """
    if not (isinstance(storage, Storage) and isinstance(shape, tuple)):
        raise FileFormatError("it holds a tensor without elements")
    return TensorRecord(storage, offset, shape, tuple(stride))
