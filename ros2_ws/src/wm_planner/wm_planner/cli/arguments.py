"""Types of arguments that several programs take."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Callable


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return the type of a whole number in a range, which ends in a sentence for others."""
    allowed = f"of at least {least}" if most is None else f"from {least} to {most}"

    def typed(text: str) -> int:
        with contextlib.suppress(ValueError):
            number = int(text)
            if least <= number and (most is None or number <= most):
                return number
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number {allowed}")

    return typed


count = whole_number(0)
positive = whole_number(1)


def number(text: str) -> float:
    """Return a finite number.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    with contextlib.suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")


def number_list(text: str) -> list[float]:
    """Return finite numbers separated by commas or blanks.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    try:
        values = [float(word) for word in text.replace(",", " ").split()]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of numbers") from error
    if not values or not all(map(math.isfinite, values)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of finite numbers")
    return values
