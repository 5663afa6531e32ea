"""The page of parameters agrees with the schema."""

from __future__ import annotations

from wm_planner.config import Config, leaves
from wm_planner.reference.parameters_page import page


def test_every_setting_has_a_row_with_a_sentence() -> None:
    text = page()
    for leaf in leaves(Config()):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{leaf.name}` |"))
        assert row.rstrip(" |").endswith("."), row


def test_bounds_are_exact() -> None:
    (row,) = (line for line in page().splitlines() if line.startswith("| `planning.seed` |"))
    assert "≤ 2^63 - 1 |" in row
