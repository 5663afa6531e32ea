"""The reference page agrees with the schema."""

from __future__ import annotations

from pathlib import Path

from wm_planner.config import Config, leaves
from wm_planner.reference import page

PAGE = Path(__file__).parents[4] / "docs" / "parameters.md"


def test_the_page_is_made_from_the_schema() -> None:
    assert PAGE.read_text() == page(), "python -m wm_planner.reference > docs/parameters.md"


def test_every_setting_has_a_row_with_a_sentence() -> None:
    text = page()
    for leaf in leaves(Config()):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{leaf.name}` |"))
        assert row.rstrip(" |").endswith("."), row
