"""Read a pickle without importing, calling or allocating what it asks for.

A pickle is a program: ``pickle.Unpickler`` imports what it names and calls it. Here a name becomes
a ``Global`` and a call becomes a ``Record``, so that no class or function of the file is imported,
looked up or called.

The base class is Python's own unpickler written in Python. The one written in C cannot be made
safe: it allocates memory for any memo index that a file names, and hashes dict keys itself, which
takes forever for nested tuples.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from mmap import mmap
from typing import IO, Any

from wm_planner.files.errors import FileFormatError


@dataclass(frozen=True)
class Global:
    """The dotted name of a class or function, never the object itself."""

    path: str


@dataclass(eq=False, repr=False)  # a few bytes of pickle can nest one 2 ** 40 times
class Record:
    """An object that was not made. Its items, if it is a container, are dropped.

    Attributes:
        path: Dotted name of its class, or of the function that would have returned it.
        arguments: Arguments of that call.
        state: Argument of ``__setstate__``.
    """

    path: str
    arguments: tuple[Any, ...] = ()
    state: Any = None

    def extend(self, items: Any) -> None:
        """Drop what would have been appended."""

    append = extend


def read_pickle(
    source: IO[bytes] | mmap,
    *,
    persistent: Callable[[Any], Any],
    calls: Mapping[str, Callable[..., Any]],
) -> Any:
    """Read one pickle, up to its ``STOP``.

    Args:
        source: In memory, at the pickle's first byte; left behind its last. (The ``read`` of a
            file on disk would allocate any size that is asked for.)
        persistent: Returns the object of a persistent id.
        calls: Functions of ours to call in place of those that the pickle names, by dotted name.
            Calls of all others become ``Record``.

    Returns:
        Plain values, lists (also for sets), tuples, dicts, ``Global``, ``Record``, and what
        ``persistent`` and ``calls`` return.

    Raises:
        FileFormatError: It is not a pickle, is cut short, or uses an opcode that no checkpoint
            needs.
    """
    try:
        return _InertUnpickler(source, persistent, calls).load()
    except FileFormatError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
        struct.error,
    ) as error:
        raise FileFormatError(f"its pickle is damaged ({str(error)[:80]!r})") from error


class _InertUnpickler(pickle._Unpickler):
    """The standard unpickler without its imports, calls and sets."""

    # Attributes of the base class
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    readline: Callable[[], bytes]

    def __init__(
        self,
        source: Any,
        persistent: Callable[[Any], Any],
        calls: Mapping[str, Callable[..., Any]],
    ) -> None:
        super().__init__(source, encoding="latin1")
        self._persistent = persistent
        self._calls = calls

    def find_class(self, module: str, name: str) -> Any:
        return Global(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        return self._persistent(pid)

    def load_reduce(self) -> None:
        self._make(self._calls)

    def load_newobj(self) -> None:
        self._make({})

    def load_newobj_ex(self) -> None:
        self.stack.pop()  # keyword arguments
        self._make({})

    def load_obj(self) -> None:
        maker, *arguments = self.pop_mark()
        self.stack += (maker, tuple(arguments))
        self._make({})

    def load_inst(self) -> None:
        names = [self.readline()[:-1].decode() for _ in range(2)]
        arguments = tuple(self.pop_mark())
        self.stack.append(Record(".".join(names), arguments))

    def _make(self, calls: Mapping[str, Callable[..., Any]]) -> None:
        """Replace a callable and its arguments on the stack by a ``Record``, or call ours."""
        arguments, maker = self.stack.pop(), self.stack.pop()
        if not isinstance(arguments, tuple):
            raise FileFormatError("its pickle is damaged (a call's arguments are no tuple)")
        path = maker.path if isinstance(maker, Global) else f"a {type(maker).__name__}"
        self.stack.append(calls[path](*arguments) if path in calls else Record(path, arguments))

    def load_build(self) -> None:
        state = self.stack.pop()
        if isinstance(target := self.stack[-1], Record):
            target.state = state
        # Attributes of other objects (a state dict's _metadata) are dropped.

    def load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set_items([key, value])

    def load_setitems(self) -> None:
        self._set_items(self.pop_mark())

    def load_dict(self) -> None:
        items = self.pop_mark()
        self.stack.append({})
        self._set_items(items)

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Record):
            return
        if type(target) is not dict:
            raise FileFormatError("its pickle is damaged (an item is set in what is no dict)")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, tuple | list | dict):  # hashing nested tuples could take forever
                raise FileFormatError("its pickle has a dict whose key is a container")
            target[key] = value

    def load_empty_set(self) -> None:
        self.stack.append([])

    def load_additems(self) -> None:
        items = self.pop_mark()
        self.stack[-1].extend(items)

    def load_frozenset(self) -> None:
        items = self.pop_mark()
        self.stack.append(items)


_OWN = ("REDUCE", "NEWOBJ", "NEWOBJ_EX", "OBJ", "INST", "BUILD", "SETITEM", "SETITEMS", "DICT",
        "EMPTY_SET", "ADDITEMS", "FROZENSET")  # fmt: skip
_REFUSED = ("EXT1", "EXT2", "EXT4", "BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER")


def _refuse(name: str) -> Callable[[Any], None]:
    def refuse(_unpickler: Any) -> None:
        raise FileFormatError(f"its pickle uses {name}, which no checkpoint needs")

    return refuse


_InertUnpickler.dispatch = {
    **pickle._Unpickler.dispatch,
    **{getattr(pickle, name)[0]: getattr(_InertUnpickler, f"load_{name.lower()}") for name in _OWN},
    **{getattr(pickle, name)[0]: _refuse(name) for name in _REFUSED},
}
