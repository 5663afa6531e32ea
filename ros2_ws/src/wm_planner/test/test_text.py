"""Foreign text in sentences: one line, not long, quoted, and compared with known names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wm_planner.text import MAX_SENTENCE, close, did_you_mean, listed, one_line, quoted


@given(text=st.text(max_size=3000))
def test_a_sentence_is_one_printable_line_that_is_not_long(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line.splitlines()) <= 1
    assert len(line) <= MAX_SENTENCE


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\u2028b", "\x1b[31ma", "a\u202eb", "a\0b"])
def test_characters_that_forge_lines_become_visible(text: str) -> None:
    assert one_line(text) == repr(text)[1:-1]


def test_a_printable_sentence_stays_as_it_is() -> None:
    text = "the arm is 3° from its pose – größer als erlaubt"
    assert one_line(text) is text


def test_a_foreign_value_is_quoted_and_cut() -> None:
    assert quoted("a\nb") == r"'a\nb'"
    assert len(quoted("x" * 10**6)) < 80
    assert quoted(3) == "'<int>'"


def test_a_list_of_names_is_cut() -> None:
    assert listed([]) == "none"
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(10**4)), 2) == "0, 1 and 9998 more"


def test_the_nearest_known_name_is_suggested() -> None:
    known = ["limits.max_speed", "commands.rate"]
    assert did_you_mean("limits.max_sped", known) == ": did you mean limits.max_speed?"
    assert did_you_mean("max_speed", known) == ": did you mean limits.max_speed?"
    assert did_you_mean("x" * 10**6, known) == "."
    assert close("limits.max_sped", known) == "limits.max_speed"
    assert close("fps", known) == ""
