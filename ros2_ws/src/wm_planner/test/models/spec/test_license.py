"""The terms of the weights, and how far the training went, in words."""

from __future__ import annotations

import pytest

from wm_planner.diagnosis.checks.epoch import compare_epochs
from wm_planner.models.spec import License, SpecError, Training


def test_the_terms_in_a_sentence() -> None:
    assert License("MIT").sentence == "MIT"
    given = License("CC-BY-NC-4.0", "non-commercial use only", "the README")
    assert given.sentence == "CC-BY-NC-4.0: non-commercial use only (the README)"
    assert License().sentence.startswith("not stated: ask the authors")


def test_a_name_is_one_line_of_bounded_length() -> None:
    with pytest.raises(SpecError, match=r"license\.name is"):
        License("MIT\nbut not really")
    with pytest.raises(SpecError, match=r"license\.terms has"):
        License("MIT", "x" * 100_000)


@pytest.mark.parametrize(
    ("training", "words"),
    [
        (Training(9, 100, 0), "epoch 9 of 100"),
        (Training(9, -1, 0), "epoch 9 of an unknown number"),
        (Training(-1, 100, 0), "epoch not known"),
    ],
)
def test_what_is_known_of_the_training(training: Training, words: str) -> None:
    assert training.progress == words


def test_an_unknown_epoch_is_no_early_one() -> None:
    assert compare_epochs(Training(-1, 100, 0)) is None
    assert compare_epochs(Training(9, -1, 0)) is None
    early = compare_epochs(Training(9, 100, 0))
    assert early is not None
    assert early.sentence
