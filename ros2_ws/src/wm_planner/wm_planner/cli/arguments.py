"""Types of arguments that several commands have."""

from __future__ import annotations

import argparse
import math


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
