"""The planners of another checkout, measured in a process of their own.

It computes with this benchmark's problems and rules, and with the package of the other checkout.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from planner.grid import Grid
from planner.measures import Record
from planner.rules import own_rules

BENCHMARKS = Path(__file__).resolve().parents[1]
SUFFIX = " (before)"


def package_place(path: Path) -> Path:
    """Return the folder to import ``wm_planner`` from, given a checkout, or the package itself.

    Raises:
        SystemExit: There is no package.
    """
    path = path.resolve()
    for place in (path / "ros2_ws/src/wm_planner", path, path.parent):
        inside = place != path.parent or path.name == "wm_planner"
        if inside and (place / "wm_planner/planning/__init__.py").is_file():
            return place
    raise SystemExit(
        f"--against {path}: there is no wm_planner/planning here; give a checkout of this project, "
        "or the folder wm_planner of one"
    )


def measure_other(place: Path, grid: Grid) -> list[Record]:
    """Measure the planners of a package by its place; the names of the rules get a suffix.

    Raises:
        SystemExit: The other package cannot do it.
    """
    paths = [str(place), str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "planner.against", str(place)],
        cwd=BENCHMARKS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        input=json.dumps(dataclasses.asdict(grid)),
        stdout=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"--against: the planners in {place} could not be run, see above")
    records = [Record.read(values) for values in json.loads(done.stdout.splitlines()[-1])]
    return [dataclasses.replace(record, rule=record.rule + SUFFIX) for record in records]


def _main() -> None:
    """Measure in the process of the other package: the grid on stdin, the records on stdout."""
    import wm_planner

    place = Path(sys.argv[1])
    if not Path(str(wm_planner.__file__)).resolve().is_relative_to(place):
        raise SystemExit(f"wm_planner was imported from {wm_planner.__file__}, not from {place}")
    torch.set_num_threads(1)
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in json.load(sys.stdin).items()}
    rules = [rule for rule in own_rules() if not rule.peer]
    records = Grid(**values).measure(rules)
    print(json.dumps([record.values() for record in records]))


if __name__ == "__main__":
    _main()
