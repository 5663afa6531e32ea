"""The command line of the parts, their models, and their tables on the terminal and as JSON."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from dino_wm_models import PAPER, TOY, spec_of
from lewm import made

from wm_planner.models.device import resolve_device
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.lewm.model import LewmWorldModel

Row = dict[str, Any]


@dataclass(frozen=True)
class Arguments:
    """The command line of a part.

    Attributes:
        out: Folder of the results.
        toy: Take toy sizes, to try the part quickly.
        device: The GPU, or the CPU where there is none.
    """

    out: Path
    toy: bool
    device: torch.device

    def dino_wm(self, **options: Any) -> DinoWorldModel:
        """Return a DINO-WM of the paper's size with random weights, always the same."""
        torch.manual_seed(0)
        return DinoWorldModel(spec_of(*(TOY if self.toy else PAPER)), None, self.device, **options)

    def lewm(self, **options: Any) -> LewmWorldModel:
        """Return a LeWM of the paper's size with random weights, always the same."""
        return made(None, self.device, **options)


def arguments() -> Arguments:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    return Arguments(given.out, given.toy, resolve_device("auto"))


class Table:
    """Rows of one part; each is printed and written as soon as it is known."""

    def __init__(self, name: str, columns: list[str], out: Path) -> None:
        self._name, self._columns, self._path = name, columns, out / "results.json"
        self.rows: list[Row] = []
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)

    @property
    def failed(self) -> bool:
        """Whether a row says why it could not be measured."""
        return any("error" in row for row in self.rows)

    def add(self, **row: Any) -> None:
        """Add a row; columns that it lacks stay empty."""
        self.rows.append(row)
        known = json.loads(self._path.read_text()) if self._path.exists() else {}
        known[self._name] = self.rows
        self._path.write_text(json.dumps(known, indent=1, default=str))
        cells = (_shown(row.get(_key(column), "")) for column in self._columns)
        print(f"| {' | '.join(cells)} |", flush=True)


def problem(error: Exception) -> str:
    """Return an error as the cell of a table."""
    return " ".join(f"{type(error).__name__}: {error}".replace("|", " ").split())[:400]


def _key(column: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in column.partition(" [")[0].lower())


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
