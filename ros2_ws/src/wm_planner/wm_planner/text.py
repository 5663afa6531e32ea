"""Text from outside: made one line, cut, quoted, and compared with known names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MAX_SENTENCE = 1000
"""Longest sentence in a status, an answer or the log [characters]."""

_QUOTED = 60  # characters of a foreign text that a sentence quotes at most
_CUT = " …"


def one_line(text: str, limit: int = MAX_SENTENCE) -> str:
    """Return a text as one printable line of at most ``limit`` characters.

    Characters that could end a line, move the cursor or change the direction of writing become
    visible escapes. Only the beginning of a long text is looked at.
    """
    if len(text) > limit:
        text = text[: limit - len(_CUT)] + _CUT
    if text.isprintable():
        return text
    escaped = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - len(_CUT)] + _CUT


def quoted(text: object) -> str:
    """Quote a foreign value for a sentence, cut to ``_QUOTED`` characters."""
    shown = text if isinstance(text, str) else f"<{type(text).__name__}>"
    return repr(shown if len(shown) <= _QUOTED else shown[:_QUOTED] + "...")


def listed(names: Iterable[str], most: int = 20) -> str:
    """Return names in one line, at most the first ``most`` of them, or ``none``."""
    given = list(names)
    shown = ", ".join(one_line(name, _QUOTED) for name in given[:most])
    rest = f" and {len(given) - most} more" if len(given) > most else ""
    return shown + rest if given else "none"


def close(name: str, known: Iterable[str], cutoff: float = 0.8) -> str:
    """Return the known name that a misspelt one is close to, or an empty string."""
    return next(iter(get_close_matches(name[:_QUOTED], list(known), 1, cutoff)), "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the nearest known one, if there is one.

    Of a dotted name the last part also counts alone.
    """
    names = list(known)
    near = close(name, names)
    if not near:
        last = {full.rpartition(".")[2]: full for full in names}
        near = last.get(close(name.rpartition(".")[2], last), "")
    return f": did you mean {near}?" if near else "."
