"""``python -m wm_planner.reference FOLDER``: writes the reference pages into a folder."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from wm_planner.ending import explained
from wm_planner.help_texts import parser_with_examples
from wm_planner.reference.pages import PAGES


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner.reference",
        "Write the reference pages of the documentation from the code.",
        "Exit code: 0 if all were written, else 2; the message says why.",
        "docs/reference",
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="where to write them: docs/reference"
    )
    return parser


@explained("wm_planner.reference")
def main(argv: Sequence[str] | None = None) -> None:
    """Write the pages."""
    folder: Path = make_parser().parse_args(argv).folder
    texts = {name: page() for name, page in PAGES.items()}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
