"""Comments, docstrings and help become Markdown."""

from __future__ import annotations

import pytest

from wm_planner.reference.markdown import number, paragraph, prose, sentence, table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ``name`` and\n  `another`", "a `name` and `another`"),
        ("until ~/stop; see model.history=real.", "until `~/stop`; see `model.history=real`."),
        ("images.float_range=[0,1], camera.frozen=off, …", "`images.float_range=[0,1]`, "
         "`camera.frozen=off`, …"),
        ("not needed with --goal-mask: --proprio=-0.1,0.2", "not needed with `--goal-mask`: "
         "`--proprio=-0.1,0.2`"),
        ("* stands for any text, e.g. *_joint1.", "* stands for any text, e.g. `*_joint1`."),
        ("dinov2_*_pretrain.pth; a .pt file", "`dinov2_*_pretrain.pth`; a `.pt` file"),
        ("offset + scale * width", "offset + scale * width"),
        ("the file <name>.png", r"the file \<name>.png"),
        ("see docs/how-to/images.md.", "see [images.md](../how-to/images.md)."),
        ("see docs/reference/commands.md", "see [commands.md](commands.md)"),
    ],
)  # fmt: skip
def test_bare_names_that_are_nothing_else_become_code(text: str, expected: str) -> None:
    assert prose(text) == expected


def test_a_sentence_has_a_capital_and_a_full_stop() -> None:
    assert sentence("print JSON") == "Print JSON."
    assert sentence("``rgb`` or ``bgr``") == "`rgb` or `bgr`."
    assert sentence("does it?") == "Does it?"


def test_a_pipe_does_not_end_a_cell() -> None:
    assert table(("a", "b"), [("1 | 2", "x\ny")]) == "| a | b |\n|---|---|\n| 1 \\| 2 | x y |"


def test_no_line_of_a_paragraph_begins_a_list() -> None:
    text = "word " * 19 + "word - or more"
    assert paragraph(text) == text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (0.5, "0.5"),
        (10**6, "1e6"),
        (1e-06, "1e-6"),
        (1234567, "1234567"),
        (2**32, "2^32"),
        (-(2**63), "-2^63"),
        (2**63 - 1, "2^63 - 1"),
    ],
)
def test_a_bound_is_exact(value: float, shown: str) -> None:
    assert number(value) == shown
