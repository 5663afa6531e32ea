"""The one error of the image decoder."""

from __future__ import annotations

from typing import Any

_SHOWN = 60
"""Longest piece of a foreign string that an error message repeats, in characters."""


class ImageFormatError(ValueError):
    """An image message that is not turned into pixels, with the reason and the way out.

    Attributes:
        reason: Short stable name of the cause (``"length"``, ``"encoding"``, ...), by which a node
            tells a new fault from a repeated one.
        problem: What is wrong, in words.
        remedy: What to do about it, in words.
        topic: Where the message came from, ``""`` when the caller did not say.
        encoding: The message's ``encoding``, or the ``format`` of a compressed one.
        height: Rows in pixels as the message says, None when it does not say.
        width: Columns in pixels as the message says, None when it does not say.
        step: Row length in bytes as the message says, None when it does not say.
        length: Bytes of ``data``, None when it could not be read.
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
        """Keep the facts and write the message."""
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
        facts = [f"encoding {shorten(self.encoding)}"]
        if self.height is not None and self.width is not None:
            facts.append(f"{number(self.width)}x{number(self.height)}")
        if self.step is not None:
            facts.append(f"step {number(self.step)}")
        if self.length is not None:
            facts.append(f"{self.length} bytes")
        return f"image{' on ' + self.topic if self.topic else ''} ({', '.join(facts)})"

    @property
    def key(self) -> tuple[str, str, str]:
        """What has to change for the fault to be news: (topic, encoding, reason)."""
        return (self.topic, self.encoding, self.reason)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by attributes: keyword-only arguments do not survive the default way."""
        facts = {k: getattr(self, k) for k in _FACTS}
        return (_rebuild, (self.reason, self.problem, self.remedy, facts))


_FACTS = ("topic", "encoding", "height", "width", "step", "length")


def _rebuild(reason: str, problem: str, remedy: str, facts: dict[str, Any]) -> ImageFormatError:
    return ImageFormatError(reason, problem, remedy, **facts)


def shorten(text: object) -> str:
    """Quote a foreign value for a message, cut where it is long."""
    shown = text if isinstance(text, str) else f"<{type(text).__name__}>"
    return repr(shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "...")


def number(value: int) -> str:
    """Write an integer for a message; Python refuses to print very long ones."""
    return str(value) if abs(value) < 10**20 else "a number of more than 20 digits"
