"""Random requests of any type of message, from harmless to hostile."""

from __future__ import annotations

import array
import importlib
import random
import re
import string
from typing import Any

import numpy as np

SEQUENCE = re.compile(r"sequence<(?P<type>[^,]+)(?:, *(?P<bound>\d+))?>$|(?P<of>.+)\[(?P<n>\d+)\]$")
MARK = "forged by the fuzz"
FORGED = f"\n[FATAL] [0.0] [wm_planner]: {MARK}"
"""In many texts: no line of the log may begin with it."""
WORDS = (
    "",
    ".",
    "..",
    "../../etc/passwd",
    "/dev/zero",
    "/dev/stdin",
    "a/b",
    "~nosuchuser",
    "${x",
    "con\0trol",
    "\x1b[2J\x1b[31m",
    "\u202eright to left",
    "\U0001f4a3" * 40,
    "rgb8",
    "bgr8",
    "16UC1",
    "jpeg",
    "rgb8; jpeg compressed bgr8",
    "nan",
    "%s%n{0}",
    "goal" + FORGED,
)
NUMBERS = (
    0.0,
    -0.0,
    -1.0,
    1e-9,
    1.0,
    1e9,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    -float("inf"),
)
INTEGERS = {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64)}
RANGES = {f"{kind}{bits}": (kind, bits) for kind, sizes in INTEGERS.items() for bits in sizes}
RANGES |= {"octet": ("uint", 8), "char": ("uint", 8)}


class Filler:
    """Fills messages with random values, field by field.

    Args:
        seed: Seed of all random choices.
        largest: Size of the largest text or array [bytes].

    Attributes:
        largest: The same; it may change.
    """

    def __init__(self, seed: int, largest: int) -> None:
        self.random = random.Random(seed)
        self.largest = largest

    def size(self) -> int:
        """Return a size [bytes]: mostly small, one in a thousand up to the largest."""
        roll = self.random.random()
        high = self.largest if roll < 0.001 else min(10**5, self.largest) if roll < 0.02 else 300
        return int(high ** self.random.random()) if roll >= 0.001 else high

    def text(self) -> str:
        """Return a text: a known trap, random characters, or the same one again and again."""
        roll = self.random.random()
        if roll < 0.5:
            return self.random.choice(WORDS)
        size = self.size()
        if roll < 0.6:
            return (self.random.choice(WORDS) or "x") * min(size, 10**4)
        if size > 1000:
            return self.random.choice(string.ascii_letters + "\n") * size
        letters = self.random.choice((string.ascii_lowercase, string.printable, "äß\n\t\0\x1b€"))
        return "".join(self.random.choices(letters, k=size))

    def number(self) -> float:
        """Return a number: a trap, or one of any size."""
        roll = self.random.random()
        if roll < 0.4:
            return self.random.choice(NUMBERS)
        sign = self.random.choice((-1, 1))
        return sign * float(10 ** self.random.uniform(-6, 6 if roll < 0.9 else 300))

    def integer(self, kind: str, bits: int) -> int:
        """Return an integer of a type: at the ends of its range, small, or any."""
        low, high = (
            (0, 2**bits - 1) if kind == "uint" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        )
        choice = self.random.choice(
            (low, high, 0, 1, min(640, high), self.random.randint(low, high))
        )
        return int(choice)

    def fill(self, message: Any, depth: int = 0) -> Any:
        """Fill all fields of a message, and return it."""
        for name, type_ in message.get_fields_and_field_types().items():
            part = getattr(message, name)
            nested = hasattr(part, "get_fields_and_field_types")
            filled = self.fill(part, depth + 1) if nested else self.value(type_, depth)
            setattr(message, name, filled)
        return message

    def value(self, type_: str, depth: int = 0) -> Any:
        """Return a value of a field's type, as ``get_fields_and_field_types`` writes it."""
        if match := SEQUENCE.match(type_):
            return self._many(match, depth)
        if type_ in {"float", "double"}:
            value = self.number()
            return float(np.clip(value, -3e38, 3e38)) if type_ == "float" else value
        if type_ == "boolean":
            return self.random.random() < 0.5
        if type_ == "octet":
            return bytes([self.integer("uint", 8)])
        if type_ in RANGES:
            return self.integer(*RANGES[type_])
        if type_.startswith("string"):
            return self.text()
        package, name = type_.split("/")
        return self.fill(getattr(importlib.import_module(f"{package}.msg"), name)(), depth + 1)

    def _many(self, match: re.Match[str], depth: int) -> Any:
        fixed = match["n"] is not None
        of = match["of"] if fixed else match["type"]
        count = int(match["n"]) if fixed else self._count(of, depth)
        if match["bound"]:
            count = min(count, int(match["bound"]))
        if of in {"uint8", "char"}:
            data = self.random.randbytes(min(count, 1000)) * (count // 1000 + 1)
            return list(data[:count]) if fixed else array.array("B", data[:count])
        if of == "octet":
            return [bytes([byte]) for byte in self.random.randbytes(count)]
        if of == "double" and count > 1000:
            return array.array("d", [self.number()]) * count
        return [self.value(of, depth + 1) for _ in range(count)]

    def _count(self, of: str, depth: int) -> int:
        if of in {"uint8", "char", "double"}:
            return self.size()
        if self.random.random() < 0.003 and not depth:
            return self.random.choice((17, 300, 1000))
        return self.random.choice((0, 0, 1, 1, 2, 3)) if depth < 3 else self.random.choice((0, 1))


def service_type(name: str) -> Any:
    """Return the class of a service, also of an action's, as "wm_planner_msgs/srv/Plan"."""
    package, folder, short = name.split("/")
    module = importlib.import_module(f"{package}.{folder}")
    if folder == "action":
        short, part = short.rsplit("_", 1)
        return getattr(getattr(module, short).Impl, f"{part}Service")
    return getattr(module, short)


def accepted(answer: Any) -> str:
    """Say how a request was answered: "accepted", "refused" or "answered"."""
    fields = answer.get_fields_and_field_types()
    if "results" in fields:  # of set_parameters
        answers = [accepted(result) for result in answer.results]
        return "accepted" if "accepted" in answers else "refused"
    if "goals_canceling" in fields:
        return "accepted" if answer.goals_canceling else "refused"
    if "result" in fields and hasattr(answer.result, "successful"):
        return accepted(answer.result)
    for name in ("success", "successful", "accepted"):
        if name in fields:
            return "accepted" if getattr(answer, name) else "refused"
    return "answered"
