"""Where the programs leave their reports, and what they print of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from wm_planner.cli.json_text import json_text


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Make a folder, before the long job that fills it; remove it if that leaves it empty.

    Raises:
        OSError: It cannot be made.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):  # it holds something
            for path in made:
                path.rmdir()


def print_report(page: Path, *, as_json: bool) -> None:
    """Print where a report is, or with the path what is in the JSON beside the page."""
    path = str(page.resolve())
    if as_json:
        numbers = json.loads(page.with_suffix(".json").read_text())
        print(json_text({"report": path, **numbers}), flush=True)
    else:
        print(f"report: {path}", flush=True)
