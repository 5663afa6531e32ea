"""Types of arguments that several programs take."""

from __future__ import annotations

import argparse
import math


def count(text: str) -> int:
    """Return a whole number that is not negative.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    return _at_least(0, text)


def positive(text: str) -> int:
    """Return a whole number above 0.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    try:
        if (number := int(text)) >= least:
            return number
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")


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
