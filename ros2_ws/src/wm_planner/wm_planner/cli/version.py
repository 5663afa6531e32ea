"""The installed version of the package."""

from __future__ import annotations

import argparse
import importlib.metadata
from typing import Any

import wm_planner


def version_of(package: str) -> str:
    """Return the version of an installed package, or an empty string."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def own_version() -> str:
    """Return the version of wm_planner; run from a folder that was not installed, it has none."""
    return version_of(wm_planner.__name__) or "(not installed)"


class ShowVersion(argparse.Action):
    """Prints the version and ends the program; it is looked up only then."""

    def __init__(self, option_strings: list[str], dest: str, **others: Any) -> None:
        super().__init__(
            option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS,
            help="print the version and exit",
        )  # fmt: skip

    def __call__(self, parser: argparse.ArgumentParser, *given: object) -> None:
        """Print it."""
        print(f"{parser.prog} {own_version()}")
        parser.exit()
