"""Read what ``torch.save`` wrote: a pickle, and beside it the bytes of its tensors.

Both of torch's layouts are read: the zip archive (since 1.6) and the stream before it
(``torch/serialization.py``, ``_save`` and ``_legacy_save``). ``torch.load`` is not used, even with
an unpickler of ours: it ignores the checksums of tensors, unpacks zip bombs, and reads every
tensor, an optimizer's too.
"""

from __future__ import annotations

import io
import mmap
import struct
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch

from wm_planner.files.errors import FileFormatError
from wm_planner.files.foreign import START, what_it_is
from wm_planner.files.inert_pickle import Global, read_pickle
from wm_planner.files.regular import open_regular
from wm_planner.files.tensor_record import DTYPES, Storage, rebuild_tensor

_LEGACY_START = b"\x80\x02\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little")
_PICKLE = "/data.pkl"


def read_torch_file(path: Path) -> Any:
    """Read a file of ``torch.save``, but for the elements of its tensors.

    Returns:
        What was saved, with a ``TensorRecord`` for each tensor and a ``Record`` for each object.

    Raises:
        FileFormatError: The file cannot be read or was not written by ``torch.save``; the message
            names it.
    """
    try:
        with open_regular(path) as file:
            start = file.read(START)
        if start.startswith(_LEGACY_START):
            return _Legacy(path).contents
        if start.startswith(b"PK\x03\x04"):
            return _Zip(path).contents
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}") from error
    except FileFormatError as error:
        raise FileFormatError(f"{path} cannot be used: {error}") from error
    what = what_it_is(start)
    if start[8:9] == b"{":
        what = "a safetensors file"
    raise FileFormatError(
        f"{path} is {what or 'no file of torch.save' if start else 'empty'}: give a file (.pth) "
        "as training wrote it"
    )


class _Archive(ABC):
    """What both layouts share."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kinds: dict[str, str] = {}

    def _unpickle(self, source: IO[bytes] | mmap.mmap) -> Any:
        return read_pickle(source, persistent=self._persistent, calls=_CALLS)

    def _persistent(self, identifier: Any) -> Storage | Global:
        """Return a storage, or the class of a module (in old files), by torch's persistent id."""
        match identifier:
            case ("module", Global() as name, _, _):
                return name
            case ("storage", Global(kind), str(key), _, int(count), *view) if not any(view):
                self._kinds[key] = kind
                return Storage(self, kind, key, count)
        raise FileFormatError("it refers to something that is not in it")

    @abstractmethod
    def read_storage(self, key: str, size: int) -> torch.Tensor:
        """See ``tensor_record.Archive``."""


class _Zip(_Archive):
    """``NAME/data.pkl``, ``NAME/data/KEY`` and ``NAME/byteorder``, all stored uncompressed."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise FileFormatError(f"it is cut short or damaged ({error})") from error
        # Of entries that are stored, as all that are read must be, this is the size too.
        self._sizes = {entry.filename: entry.compress_size for entry in self._zip.infolist()}
        if sum(self._sizes.values()) > path.stat().st_size:  # before memory is taken for any
            raise FileFormatError("its entries claim more bytes than it has")
        pickles = [name for name in self._sizes if name.count("/") == 1 and name.endswith(_PICKLE)]
        if len(pickles) != 1:
            raise FileFormatError("it is a zip archive, but not one of torch.save (no data.pkl)")
        self._root = pickles[0].removesuffix(_PICKLE)
        order = f"{self._root}/byteorder"
        if order in self._sizes and b"".join(self._blocks(order)) != b"little":
            raise FileFormatError("its tensors are not little-endian")
        self.contents = self._unpickle(io.BytesIO(b"".join(self._blocks(pickles[0]))))

    def read_storage(self, key: str, size: int) -> torch.Tensor:
        name = f"{self._root}/data/{key}"
        if (found := self._sizes.get(name)) != size:
            raise FileFormatError(f"{name} has {found or 'no'} bytes instead of {size}")
        content, place = torch.empty(size, dtype=torch.uint8), 0
        for block in self._blocks(name):
            content.numpy()[place : place + len(block)] = np.frombuffer(block, np.uint8)
            place += len(block)
        if place != size:
            raise FileFormatError(f"{name} is damaged (cut short)")
        return content

    def _blocks(self, name: str) -> Iterator[bytes]:
        """Yield an entry's bytes in pieces, so that a large tensor is in memory only once."""
        entry = self._zip.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise FileFormatError(f"{name} is compressed or encrypted, which torch.save never does")
        try:
            with self._zip.open(entry) as file:
                while block := file.read(1 << 20):
                    yield block
        except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError) as error:
            raise FileFormatError(f"{name} is damaged ({error or 'cut short'})") from error


class _Legacy(_Archive):
    """Five pickles (magic number, version, host, contents, keys), then the storages."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        with open_regular(path) as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        _magic, _version, host, self.contents = (self._unpickle(self._map) for _ in range(4))
        if not isinstance(host, dict) or host.get("little_endian") is not True:
            raise FileFormatError("its tensors are not little-endian")
        keys = self._unpickle(self._map)
        self._places: dict[str, tuple[int, int]] = {}
        place = self._map.tell()
        for key in keys if isinstance(keys, list) else ():
            dtype = DTYPES.get(self._kinds.get(key, "")) if isinstance(key, str) else None
            if dtype is None or not 0 <= place <= len(self._map) - 8:
                raise FileFormatError("it is cut short, or holds other tensors than it lists")
            (count,) = struct.unpack_from("<q", self._map, place)
            self._places[key] = (place + 8, count * dtype.itemsize)
            place += 8 + count * dtype.itemsize
        if place > len(self._map):
            raise FileFormatError("it is cut short")

    def read_storage(self, key: str, size: int) -> torch.Tensor:
        place, found = self._places.get(key, (0, -1))
        if found != size:
            raise FileFormatError(f"tensor {key} has {max(found, 0)} bytes instead of {size}")
        return torch.from_numpy(np.frombuffer(self._map, np.uint8, size, place).copy())


def _rebuild_parameter(data: Any, *_gradient_and_hooks: Any) -> Any:
    return data


def _make_mapping(*_default: Any) -> dict[Any, Any]:
    return {}


_CALLS: dict[str, Callable[..., Any]] = {
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "collections.OrderedDict": _make_mapping,
    "collections.defaultdict": _make_mapping,
}
"""What a file may call: functions of ours under torch's names."""
