"""The problem of an input: logged when its kind changes, and never often."""

from __future__ import annotations

import math
import time

from rclpy.node import Node

from wm_planner.ros import log

STALE = 1.0  # [s] after which what was wrong with the last message does not explain a silence
INTERVAL = 5.0  # [s, steady clock] at least between two warnings about one input


class ProblemLog:
    """Keeps the present problem of an input for the status, and logs it.

    A problem is logged when its kind changes. Two problems are of one kind if their keys are equal,
    or else their sentences without what varies in them (``log.kind_of``).

    Args:
        node: Its logger is used.
        prefix: How each warning begins.
        ended: What to log when a problem that was logged has ended; empty: nothing.

    Attributes:
        text: The present problem as a sentence, or an empty string.
    """

    def __init__(self, node: Node, prefix: str, ended: str = "") -> None:
        self._node, self._prefix, self._ended = node, prefix, ended
        self.text = ""
        self._logged: object = None  # kind of the problem that was logged last, None if it ended
        self._steady = -math.inf  # when it was logged
        self._reported = -math.inf  # when the present problem was reported last [s, steady]

    def why(self, silent: str, max_age: float) -> str:
        """Return the problem, or that the input is silent, as a sentence or an empty string.

        Args:
            silent: That no usable message arrives, as a sentence, or an empty string.
            max_age: How long the input may be silent [s].
        """
        recent = time.monotonic() - self._reported <= max(max_age, STALE)
        return (self.text if recent or not silent else "") or silent

    def report_lasting(self, problem: str) -> None:
        """Take a problem of the connection, which explains a silence of any length."""
        self.report(problem)
        self._reported = math.inf

    def report(self, problem: str, key: object = None) -> None:
        """Take a problem of a message, or an empty string if there is none."""
        self.text, self._reported = problem, time.monotonic()
        if not problem:
            if self._logged is not None and self._ended:
                log.info(self._node, self._ended)
            self._logged = None
            return
        kind = key or log.kind_of(problem)
        steady = time.monotonic()
        if kind != self._logged and steady - self._steady >= INTERVAL:
            log.warning(self._node, f"{self._prefix}: {problem}")
            self._logged, self._steady = kind, steady
