"""The error of the image decoder."""

from __future__ import annotations

from typing import Any

from wm_planner.text import quoted


class ImageFormatError(ValueError):
    """An image message that cannot be decoded: what is wrong with it and what to do.

    Attributes:
        reason: Short stable name of the cause (``"length"``, ``"encoding"``, ...).
        problem: What is wrong, as part of a sentence.
        remedy: What to do about it, a sentence without its period.
        topic: Topic of the message; ``""`` if unknown.
        encoding: The message's ``encoding``, or the ``format`` of a compressed one.
        height: The message's ``height`` [pixels]; None if it has none.
        width: The message's ``width`` [pixels]; None if it has none.
        step: The message's ``step`` [bytes]; None if it has none.
        length: Length of ``data`` [bytes]; None if it could not be read.
    """

    def __init__(
        self,
        reason: str,
        problem: str,
        remedy: str,
        *,
        topic: str = "",
        encoding: str = "",
        height: int | None = None,
        width: int | None = None,
        step: int | None = None,
        length: int | None = None,
    ) -> None:
        """Set the attributes and write the message."""
        self.reason = reason
        self.problem = problem
        self.remedy = remedy
        self.topic = topic
        self.encoding = encoding
        self.height = height
        self.width = width
        self.step = step
        self.length = length
        super().__init__(f"{self._where()}: {problem}. {remedy}")

    def _where(self) -> str:
        facts = [f"encoding {quoted(self.encoding)}"]
        if self.height is not None and self.width is not None:
            facts.append(f"{number(self.width)}x{number(self.height)}")
        if self.step is not None:
            facts.append(f"step {number(self.step)}")
        if self.length is not None:
            facts.append(f"{self.length} bytes")
        return f"image{' on ' + self.topic if self.topic else ''} ({', '.join(facts)})"

    @property
    def key(self) -> tuple[str, str, str]:
        """(topic, encoding, reason): errors with equal keys need to be logged only once."""
        return (self.topic, self.encoding, self.reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the attributes, because the default cannot pass keyword-only arguments."""
        facts = {k: getattr(self, k) for k in _FACTS}
        return (_rebuild, (self.reason, self.problem, self.remedy, facts))


_FACTS = ("topic", "encoding", "height", "width", "step", "length")


def _rebuild(reason: str, problem: str, remedy: str, facts: dict[str, Any]) -> ImageFormatError:
    return ImageFormatError(reason, problem, remedy, **facts)


def number(value: int) -> str:
    """Format an integer for an error message; Python refuses to format very long ones."""
    return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
