"""The files that ``torch.save`` writes: a pickle, and the bytes of its tensors beside it.

Tensors are read only when asked for, so that an optimizer's state is never read at all. Both of
torch's layouts are known: the zip archive (since 1.6) and the stream before it
(``torch/serialization.py``, ``_save`` and ``_legacy_save``).
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from wm_planner.models.dino_wm.pickles import CheckpointError, Global, read_pickle

_LEGACY_START = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_PICKLE = "/data.pkl"

_DTYPES = {
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

_FOREIGN = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
    b"version http": "a Git LFS pointer and not the file itself",
    b"<": "a web page",
}


def read_archive(path: Path) -> Any:
    """What a file of ``torch.save`` holds: its tensors ``TensorRecord``, its objects ``Record``.

    Raises:
        CheckpointError: The file cannot be read, or is not such a file; the message names it.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_LEGACY_START))
        if start == _LEGACY_START:
            return _Legacy(path).contents
        if start.startswith(b"PK\x03\x04"):
            return _Zip(path).contents
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from error
    what = next((name for magic, name in _FOREIGN.items() if start.startswith(magic)), "")
    if start[8:9] == b"{":
        what = "a safetensors file"
    raise CheckpointError(
        f"{path} is {what or 'no file of torch.save' if start else 'empty'}: give a file (.pth) "
        "as training wrote it"
    )


@dataclass(frozen=True, eq=False, repr=False)
class TensorRecord:
    """A tensor in the file; ``read`` reads it.

    Attributes:
        storage: Where its elements are.
        offset: Its first element there.
        shape: Sizes.
        stride: Strides, in elements.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        numbers = (self.storage.count, self.offset, *self.shape, *self.stride)
        if len(self.shape) != len(self.stride) or any(
            type(number) is not int or number < 0 for number in numbers
        ):
            raise CheckpointError("it holds a tensor whose sizes are no sizes")
        elements, last = math.prod(self.shape), self.offset
        last += sum((size - 1) * step for size, step in zip(self.shape, self.stride, strict=True))
        # As many elements as it has, at most: a stride of 0 could fill any memory.
        if elements > self.storage.count or (elements and last >= self.storage.count):
            raise CheckpointError(
                f"it holds a tensor of shape {list(self.shape)} in {self.storage.count} elements"
            )

    def read(self) -> torch.Tensor:
        """The tensor on the CPU, contiguous, in memory of its own.

        Raises:
            CheckpointError: Its elements are missing or damaged.
        """
        archive, kind = self.storage.archive, self.storage.kind
        if (dtype := _DTYPES.get(kind)) is None:
            raise CheckpointError(f"{archive.path} has a tensor of the unknown kind {kind}")
        if not math.prod(self.shape):
            return torch.empty(self.shape, dtype=dtype)
        try:
            content = archive.storage(self.storage.key, self.storage.count * dtype.itemsize)
        except (CheckpointError, OSError) as error:
            raise CheckpointError(f"{archive.path} cannot be used: {error}") from error
        flat = content.view(dtype)
        view = flat.as_strided(self.shape, self.stride, self.offset)
        if len(flat) == view.numel() and view.is_contiguous():
            return view
        return view.clone(memory_format=torch.contiguous_format)


@dataclass(frozen=True, eq=False)
class _Storage:
    archive: _Archive
    kind: str
    key: str
    count: int


class _Archive(ABC):
    """A file of ``torch.save``: its path, what was saved, and the bytes of its tensors."""

    contents: Any

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kinds: dict[str, str] = {}

    @abstractmethod
    def storage(self, key: str, size: int) -> torch.Tensor:
        """The bytes of one storage: (size,) uint8.

        Raises:
            CheckpointError: It is missing, damaged or has another size.
        """

    def _unpickled(self, source: IO[bytes] | mmap.mmap) -> Any:
        return read_pickle(source, persistent=self._persistent, calls=_CALLS)

    def _persistent(self, identifier: Any) -> _Storage | Global:
        """What torch's persistent ids stand for: storages, and in old files classes of modules."""
        match identifier:
            case ("module", Global() as name, _, _):
                return name
            case ("storage", Global(kind), str(key), _, int(count), *view) if not any(view):
                self._kinds[key] = kind
                return _Storage(self, kind, key, count)
        raise CheckpointError("it refers to something that is not in it")


class _Zip(_Archive):
    """``NAME/data.pkl``, ``NAME/data/KEY`` and ``NAME/byteorder``, all stored uncompressed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise CheckpointError(f"it is cut short or damaged ({error})") from error
        self._sizes = {entry.filename: entry.file_size for entry in self._zip.infolist()}
        pickles = [name for name in self._sizes if name.count("/") == 1 and name.endswith(_PICKLE)]
        if len(pickles) != 1:
            raise CheckpointError("it is a zip archive, but not one of torch.save (no data.pkl)")
        self._root = pickles[0].removesuffix(_PICKLE)
        order = f"{self._root}/byteorder"
        if order in self._sizes and self._read(order) != b"little":
            raise CheckpointError("its tensors are not little-endian")
        self.contents = self._unpickled(io.BytesIO(self._read(pickles[0])))

    def storage(self, key: str, size: int) -> torch.Tensor:
        name = f"{self._root}/data/{key}"
        if (there := self._sizes.get(name)) != size:
            raise CheckpointError(f"{name} has {there or 'no'} bytes instead of {size}")
        content, place = torch.empty(size, dtype=torch.uint8), 0
        for block in self._blocks(name):
            content.numpy()[place : place + len(block)] = np.frombuffer(block, np.uint8)
            place += len(block)
        if place != size:
            raise CheckpointError(f"{name} is damaged (cut short)")
        return content

    def _read(self, name: str) -> bytes:
        return b"".join(self._blocks(name))

    def _blocks(self, name: str) -> Iterator[bytes]:
        """An entry's bytes, piece by piece, so that a large tensor is in memory once."""
        entry = self._zip.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise CheckpointError(f"{name} is compressed or encrypted, which torch.save never does")
        try:
            with self._zip.open(entry) as file:
                while block := file.read(1 << 20):
                    yield block
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise CheckpointError(f"{name} is damaged ({error or 'cut short'})") from error


class _Legacy(_Archive):
    """Five pickles in a row (magic number, version, host, contents, keys), then the storages."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        _magic, _version, host, self.contents = (self._unpickled(self._map) for _ in range(4))
        if not isinstance(host, dict) or host.get("little_endian") is not True:
            raise CheckpointError("its tensors are not little-endian")
        keys = self._unpickled(self._map)
        self._places: dict[str, tuple[int, int]] = {}
        place = self._map.tell()
        for key in keys if isinstance(keys, list) else ():
            dtype = _DTYPES.get(self._kinds.get(key, ""))
            if dtype is None or not 0 <= place <= len(self._map) - 8:
                raise CheckpointError("it is cut short, or holds other tensors than it lists")
            (count,) = struct.unpack_from("<q", self._map, place)
            self._places[key] = (place + 8, count * dtype.itemsize)
            place += 8 + count * dtype.itemsize
        if place > len(self._map):
            raise CheckpointError("it is cut short")

    def storage(self, key: str, size: int) -> torch.Tensor:
        place, there = self._places.get(key, (0, -1))
        if there != size:
            raise CheckpointError(f"tensor {key} has {max(there, 0)} bytes instead of {size}")
        return torch.from_numpy(np.frombuffer(self._map, np.uint8, size, place).copy())


def _rebuild_tensor(
    storage: Any, offset: Any, shape: Any, stride: Any, *_gradient_and_hooks: Any
) -> TensorRecord:
    if not (isinstance(storage, _Storage) and isinstance(shape, tuple)):
        raise CheckpointError("it holds a tensor without elements")
    return TensorRecord(storage, offset, shape, tuple(stride))


def _rebuild_parameter(data: Any, *_gradient_and_hooks: Any) -> Any:
    return data


def _mapping(*_default: Any) -> dict[Any, Any]:
    return {}


_CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "collections.OrderedDict": _mapping,
    "collections.defaultdict": _mapping,
}
"""What a checkpoint may call: our own functions under torch's names."""
