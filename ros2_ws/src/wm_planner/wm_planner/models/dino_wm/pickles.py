"""Reads a pickle without unpickling it: an interpreter of its opcodes that runs nothing.

A pickle is a program. ``pickle.Unpickler`` runs it, imports what it names and calls it; here a
name stays a name (``Global``) and a call stays a note of the call (``Record``), so that no class
and no function of a file is ever imported, looked up or called. The opcodes are those of
``pickletools`` (protocols 0 to 5).
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from mmap import mmap
from typing import IO, Any, cast


class CheckpointError(ValueError):
    """A file is not a checkpoint, is damaged, or is not the one that was needed."""


@dataclass(frozen=True)
class Global:
    """The name of a class or function: never the thing itself."""

    path: str


@dataclass(eq=False, repr=False)  # a few bytes of pickle can nest one 2 ** 40 times
class Record:
    """What an object would have been made of.

    Attributes:
        path: Dotted name of its class, or of the function that would have returned it.
        arguments: Of that call.
        state: What ``__setstate__`` would have been given.
        items: What would have been appended, or set under a key.
    """

    path: str
    arguments: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_LITERALS = frozenset(
    {
        *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
        *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    }
)
_EMPTY: dict[str, type[list[Any]] | type[dict[Any, Any]]] = {
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_DICT": dict,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IGNORED = frozenset({"PROTO", "FRAME"})


def read_pickle(
    source: IO[bytes] | mmap,
    *,
    persistent: Callable[[Any], Any],
    calls: Mapping[str, Callable[..., Any]],
) -> Any:
    """The contents of one pickle, as far as ``STOP``.

    Args:
        source: Positioned at the pickle's first byte; left behind its last.
        persistent: Gives the object of a persistent id.
        calls: Our own functions to be called in the place of those that the pickle names, by
            dotted name. A call of anything else becomes a ``Record``.

    Returns:
        Plain values, lists, tuples, dicts, ``Global``, ``Record`` and what ``persistent`` and
        ``calls`` return.

    Raises:
        CheckpointError: It is no pickle, is cut short, or uses an opcode that checkpoints do not.
    """
    machine = _Machine(persistent, calls)
    try:
        for opcode, argument, _ in pickletools.genops(cast("IO[bytes]", source)):
            if opcode.name == "STOP":
                return machine.stack.pop()
            machine.step(opcode.name, argument)
    except CheckpointError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        MemoryError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise CheckpointError(f"its pickle is damaged ({str(error)[:80]!r})") from error
    raise CheckpointError("its pickle has no end")


class _Machine:
    """The pickle machine's stack and memo; ``step`` is one opcode."""

    def __init__(
        self, persistent: Callable[[Any], Any], calls: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.stack: list[Any] = []
        self._marks: list[list[Any]] = []
        self._memo: dict[int, Any] = {}
        self._persistent = persistent
        self._calls = calls

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in _LITERALS:
            stack.append(argument)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name in _TUPLES:
            stack.append(self._top(_TUPLES[name]))
        elif name in _IGNORED:
            return
        elif "PUT" in name:
            self._memo[argument] = stack[-1]
        elif "GET" in name:
            stack.append(self._memo[argument])
        elif (operation := getattr(self, f"_{name.lower()}", None)) is not None:
            operation() if argument is None else operation(argument)
        else:
            raise CheckpointError(f"its pickle uses {name}, which no checkpoint needs")

    def _memoize(self) -> None:
        self._memo[len(self._memo)] = self.stack[-1]

    def _mark(self) -> None:
        self._marks.append(self.stack)
        self.stack = []

    def _pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self._pop_mark()

    def _pop_mark(self) -> list[Any]:
        values, self.stack = self.stack, self._marks.pop()
        return values

    def _dup(self) -> None:
        self.stack.append(self.stack[-1])

    def _top(self, count: int) -> tuple[Any, ...]:
        if len(self.stack) < count:
            raise CheckpointError("its pickle is damaged (the stack is empty)")
        values = tuple(self.stack[-count:])
        del self.stack[-count:]
        return values

    # Containers

    def _tuple(self) -> None:
        values = tuple(self._pop_mark())
        self.stack.append(values)

    def _list(self) -> None:
        values = self._pop_mark()
        self.stack.append(values)

    def _frozenset(self) -> None:
        self._list()

    def _dict(self) -> None:
        values = self._pop_mark()
        self.stack.append({})
        self._set_items(values)

    def _append(self) -> None:
        self._extend(self._top(1))

    def _appends(self) -> None:
        self._extend(self._pop_mark())

    def _additems(self) -> None:
        self._extend(self._pop_mark())

    def _extend(self, values: list[Any] | tuple[Any, ...]) -> None:
        target = self.stack[-1]
        (target.items if isinstance(target, Record) else target).extend(values)

    def _setitem(self) -> None:
        self._set_items(self._top(2))

    def _setitems(self) -> None:
        self._set_items(self._pop_mark())

    def _set_items(self, values: list[Any] | tuple[Any, ...]) -> None:
        target = self.stack[-1]
        pairs = list(zip(values[::2], values[1::2], strict=True))
        if isinstance(target, Record):
            target.items.extend(pairs)
        elif isinstance(target, dict):
            for key, value in pairs:
                # Hashing a tuple of tuples of tuples could take for ever.
                if isinstance(key, tuple | list | dict):
                    raise CheckpointError("its pickle has a dict whose key is a container")
                target[key] = value
        else:
            raise CheckpointError("its pickle is damaged (an item is set in what is no dict)")

    # Objects: names and notes

    def _global(self, name: str) -> None:
        self.stack.append(Global(name.replace(" ", ".", 1)))

    def _stack_global(self) -> None:
        module, name = self._top(2)
        self.stack.append(Global(f"{module:s}.{name:s}"))

    def _reduce(self) -> None:
        function, arguments = self._top(2)
        self.stack.append(self._made(function, arguments, self._calls))

    def _newobj(self) -> None:
        kind, arguments = self._top(2)
        self.stack.append(self._made(kind, arguments))

    def _newobj_ex(self) -> None:
        kind, arguments, _ = self._top(3)
        self.stack.append(self._made(kind, arguments))

    def _obj(self) -> None:
        kind, *arguments = self._pop_mark()
        self.stack.append(self._made(kind, tuple(arguments)))

    def _inst(self, name: str) -> None:
        arguments = tuple(self._pop_mark())
        self.stack.append(Record(name.replace(" ", ".", 1), arguments))

    def _made(
        self, maker: Any, arguments: Any, calls: Mapping[str, Callable[..., Any]] | None = None
    ) -> Any:
        if not isinstance(arguments, tuple):
            raise CheckpointError("its pickle is damaged (a call's arguments are no tuple)")
        path = maker.path if isinstance(maker, Global) else f"a {type(maker).__name__}"
        if calls is not None and path in calls:
            return calls[path](*arguments)
        return Record(path, arguments)

    def _build(self) -> None:
        (state,) = self._top(1)
        target = self.stack[-1]
        if isinstance(target, Record):
            target.state = state
        # An OrderedDict's own attributes (a state dict's _metadata) are of no use here.

    def _persid(self, identifier: str) -> None:
        self.stack.append(self._persistent(identifier))

    def _binpersid(self) -> None:
        self.stack.append(self._persistent(self._top(1)[0]))
