"""Log sentences that may repeat foreign text: each is one line, not long, and not often.

Of warnings and errors of one kind, ``BURST`` are logged at once and then one each ``INTERVAL``, so
that neither a stranger's requests nor a fault that repeats can fill the disk.

rclpy allows one severity for each line of code, hence one function for each.
"""

from __future__ import annotations

import re
import time
from weakref import WeakKeyDictionary

from rclpy.node import Node

from wm_planner.text import one_line

MAX_TRACEBACK = 10_000  # characters
BURST = 10  # lines of one kind
INTERVAL = 1.0  # [s, steady clock]
MAX_KINDS = 200
_VARYING = re.compile(r"'[^']*'|\d+(\.\d+)?")
_limits: WeakKeyDictionary[Node, Limit] = WeakKeyDictionary()


def kind_of(sentence: str) -> str:
    """Return a sentence without what varies in it: numbers, and foreign text in quotes."""
    return _VARYING.sub("", sentence)


class Limit:
    """Decides which lines are logged, and counts the others."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[float, int]] = {}  # when the next is due [s], and left out

    def admit(self, sentence: str) -> str:
        """Return the line to log, or an empty string."""
        steady, kind = time.monotonic(), kind_of(sentence)
        if kind not in self._kinds and len(self._kinds) >= MAX_KINDS:
            kind = ""  # all further kinds count as one
        due, left_out = self._kinds.get(kind, (0.0, 0))
        if due - steady > (BURST - 1) * INTERVAL:
            self._kinds[kind] = due, left_out + 1
            return ""
        self._kinds[kind] = max(due, steady) + INTERVAL, 0
        return f"{sentence} ({left_out} more like it were not logged)" if left_out else sentence


def _admitted(node: Node, sentence: str) -> str:
    return _limits.setdefault(node, Limit()).admit(one_line(sentence))


def info(node: Node, sentence: str) -> None:
    """Log a sentence."""
    node.get_logger().info(one_line(sentence))


def warning(node: Node, sentence: str) -> None:
    """Log a sentence as a warning."""
    if line := _admitted(node, sentence):
        node.get_logger().warning(line)


def error(node: Node, sentence: str) -> None:
    """Log a sentence as an error."""
    if line := _admitted(node, sentence):
        node.get_logger().error(line)


def fatal(node: Node, sentence: str) -> None:
    """Log a sentence as a fatal error."""
    node.get_logger().fatal(one_line(sentence))


def traceback(node: Node, lines: str) -> None:
    """Log the end of a traceback as an error; its lines cannot be taken for other log entries."""
    last = lines[-MAX_TRACEBACK:].splitlines()
    if not (line := _admitted(node, f"a bug: {last[-1] if last else ''}")):
        return
    node.get_logger().error("\n".join([line, *(f"| {one_line(line)}" for line in last)]))
