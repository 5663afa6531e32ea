"""The page of model.yaml has every field of the spec, with its meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import pytest

from wm_planner.models.spec import ModelSpec
from wm_planner.reference import model_yaml_page
from wm_planner.reference.docstrings import attributes, paragraphs
from wm_planner.reference.model_yaml_page import sections

PAGE = model_yaml_page.page()
SECTIONS = sections()


def named(kind: type) -> str:
    return kind.__name__


@pytest.mark.parametrize("kind", SECTIONS, ids=named)
def test_every_docstring_has_the_fields_and_no_others(kind: type) -> None:
    assert set(attributes(kind)) == {field.name for field in fields(kind)}


@pytest.mark.parametrize("kind", SECTIONS, ids=named)
def test_every_field_has_a_row_with_its_meaning(kind: type) -> None:
    title = SECTIONS[kind][0] or "The top level"
    text = PAGE.split(f"# {title}\n")[1].split("\n#")[0]
    for field in fields(kind):
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{field.name}` |"))
        assert re.search(r"\w.*\. \|$", row.split(" | ")[-1]), row


def test_all_sections_are_found_once() -> None:
    assert next(iter(SECTIONS)) is ModelSpec
    places = [place for found in SECTIONS.values() for place in found]
    assert {"action.command.gripper", "calibration.latent", "more_weights"} <= set(places)
    assert len(places) == len(set(places))


def test_types_defaults_and_ranges_are_told() -> None:
    for row in (
        "| `control_rate` | number | required | 0.01 to 1000 | Environment steps per second",
        "| `format` | whole number | required, `2` |",
        "| `mean` | list of numbers | `[0.5, 0.5, 0.5]` | -1 to 2 |",
        "| `antialias` | true or false | `true` |",
        "| `calibration` | [section](#calibration) | `null` |",
        "| `more_weights` | list of [sections](#weights) | empty |",
        "| `fixed` | numbers by name | empty | -10000 to 10000 |",
        "| `architecture` | mapping | empty |",
        "| `seed` | whole number | required | -2^63 to 2^64 |",
        "| `deviation` | list of numbers | empty | 1e-9 to 10000 |",
    ):
        assert f"\n{row}" in PAGE


def test_attributes_are_read_over_several_lines_and_paragraphs() -> None:
    @dataclass
    class Sample:
        """A sample:
        two lines.

        More.

        Attributes:
            first: One: with a colon
                and more.
            second: Two.
        """

        first: int
        second: int

    assert paragraphs(Sample) == ["A sample: two lines.", "More."]
    assert attributes(Sample) == {"first": "One: with a colon and more.", "second": "Two."}
