"""``faults.md`` proves what it says: every test it names exists, and every code has a row."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from wm_planner.control import ErrorCode

SOURCES = Path(__file__).parents[2]
PAGE = SOURCES.parents[1] / "docs" / "explanation" / "faults.md"
TEST_ID = re.compile(r"`(test_\w+\.py)::(test_\w+)(?:\[(\w+)\])?`")
ROWS = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]


def _tests(name: str) -> set[str]:
    """The tests in the file of this name."""
    (path,) = SOURCES.glob(f"*/test/**/{name}")
    found = ast.parse(path.read_text())
    return {node.name for node in found.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    named = {(file, test) for row in ROWS for file, test, _ in TEST_ID.findall(row)}
    assert len(named) > 20
    assert [f"{file}::{test}" for file, test in named if test not in _tests(file)] == []


def test_every_row_names_a_test() -> None:
    heads = ("| what happens |", "| what is wrong |", "| what | at most |")
    assert [row for row in ROWS if not row.startswith(heads) and not TEST_ID.search(row)] == []


@pytest.mark.parametrize("code", ErrorCode, ids=lambda code: code.name)
def test_every_code_has_a_row(code: ErrorCode) -> None:
    assert any(f"`{code.name}`" in row for row in ROWS)


def test_a_case_that_is_named_is_one_of_its_test() -> None:
    (endings,) = SOURCES.glob("*/test/**/test_endings.py")
    cases = {case for row in ROWS for _, _, case in TEST_ID.findall(row) if case}
    tested = re.findall(r"^    ErrorCode\.(\w+): Ending\(", endings.read_text(), re.MULTILINE)
    assert cases == set(tested)
