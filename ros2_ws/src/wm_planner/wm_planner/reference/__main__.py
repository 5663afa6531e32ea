"""``python -m wm_planner.reference FOLDER``: writes the reference pages into a folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from wm_planner.help_texts import parser_with_examples
from wm_planner.reference.checkout import SourceError
from wm_planner.reference.pages import PAGES


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner.reference",
        "Write the reference pages of the documentation from the code.",
        "Exit code: 0 if all were written.",
        "docs/reference",
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where to write them: docs/reference"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pages; return the exit code, 2 if that is not possible."""
    folder: Path = make_parser().parse_args(argv).folder
    try:
        texts = {name: page() for name, page in PAGES.items()}
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
    except SourceError as error:
        print(f"wm_planner.reference: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        reason = error.strerror or error
        print(f"wm_planner.reference: {folder} cannot be written to ({reason})", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
