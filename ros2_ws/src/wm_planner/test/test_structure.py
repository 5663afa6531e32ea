"""The rooms of both packages: imports go one way, files stay small, CONTRIBUTING's table is true.

``python test_structure.py`` prints the rooms, from the lowest, with what each imports.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2]
REPOSITORY = SOURCES.parents[1]
MAX_LINES = 350
ROOMS = {
    "wm_planner": [
        "text", "message_limits", "help_texts", "progress", "explain", "ending", "types",
        "kinematics", "command_types", "files", "config", "images", "camera_contract",
        "planning", "models", "datasets", "conversion", "worker", "worker_process", "control",
        "goal_library", "diagnosis", "ros", "node", "planner_node", "cockpit", "cli",
        "reference",
    ],
    "wm_planner_sim": ["simulator", "client", "evaluation", "training", "demo", "programs"],
}  # fmt: skip
"""Every room of a package, from the lowest; a room imports only rooms before it."""


def modules(package: str) -> dict[str, Path]:
    """The modules of a package by their dotted names."""
    root = SOURCES / package / package
    found = {}
    for path in root.rglob("*.py"):
        parts = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the same package that a file imports, those for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                if name in known or node.module in known:
                    yield name if name in known else node.module


def room(module: str) -> str:
    """The room of a module; empty for the package itself."""
    return [*module.split("."), ""][1]


def graph(package: str) -> dict[str, set[str]]:
    """The modules that each module of a package imports."""
    known = modules(package)
    return {name: set(imports(path, known)) - {name} for name, path in known.items()}


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_has_its_place(package: str) -> None:
    assert {room(module) for module in modules(package)} - {""} == set(ROOMS[package])


@pytest.mark.parametrize("package", ROOMS)
def test_a_room_imports_only_lower_rooms(package: str) -> None:
    floor = {name: i for i, name in enumerate(["", *ROOMS[package]])}
    upward = [
        f"{module} imports {other}"
        for module, others in graph(package).items()
        for other in others
        if floor[room(other)] > floor[room(module)]
    ]
    assert upward == []


@pytest.mark.parametrize("package", ROOMS)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    rest = graph(package)
    while leaves := {module for module, others in rest.items() if not others & rest.keys()}:
        rest = {module: others for module, others in rest.items() if module not in leaves}
    assert sorted(rest) == []


def test_no_python_file_is_long() -> None:
    folders = [SOURCES, *(REPOSITORY / name for name in ("benchmarks", "scripts", "docs"))]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    assert len(files) > 300
    long = [path.name for path in files if len(path.read_text().splitlines()) > MAX_LINES]
    assert long == []


def test_contributing_names_files_that_exist() -> None:
    """The table *Where to change what*; a name without a package is in that of the name before."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    table = text[text.index("## Where to change what") :].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 12
    for row in rows:
        cell = row.split(" | ")[1]
        named = re.findall(r"`([\w.<>]+/[\w./<>]*)`", cell)
        assert named, row
        for name in named:
            pattern = re.sub(r"<\w+>", "*", name).rstrip("/")
            places = (SOURCES, SOURCES / "wm_planner/wm_planner", REPOSITORY)
            assert any(list(place.glob(pattern)) for place in places), f"{name} in: {row}"


if __name__ == "__main__":
    for package, rooms in ROOMS.items():
        edges = graph(package)
        for name in rooms:
            below = {room(o) for m, others in edges.items() if room(m) == name for o in others}
            print(f"{package}.{name}: {', '.join(r for r in rooms if r in below - {name})}")
