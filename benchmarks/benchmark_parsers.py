"""The help of the benchmarks, and the types of their arguments."""

from __future__ import annotations

import argparse

from wm_planner.cli.arguments import number
from wm_planner.help_texts import parser_with_examples


def make_benchmark_parser(
    program: str, text: str | None, *examples: str
) -> argparse.ArgumentParser:
    """Return a parser whose help is a module's docstring, and examples.

    Args:
        program: Name of the benchmark.
        text: The docstring. Its paragraphs are wrapped anew, but for those that are indented.
        examples: Arguments, which are shown after the name of the program.
    """
    first, *others = (text or "").strip().split("\n\n")
    paragraphs = [each if each.startswith(" ") else " ".join(each.split()) for each in others]
    return parser_with_examples(
        f"python benchmarks/{program}.py", " ".join(first.split()), "\n\n".join(paragraphs),
        *examples,
    )  # fmt: skip


def not_negative(text: str) -> float:
    """Return a finite number of at least 0.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    if (value := number(text)) >= 0:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is below 0")


def above_zero(text: str) -> float:
    """Return a finite number above 0.

    Raises:
        argparse.ArgumentTypeError: The text is something else.
    """
    if (value := not_negative(text)) > 0:
        return value
    raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
