"""Paths with ``~``: home directories, and users that do not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from wm_planner.files.home import expanded


def test_the_home_directory_takes_the_place_of_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/robot")
    assert expanded("~/x") == expanded(Path("~/x")) == Path("/home/robot/x")
    assert expanded("x/~") == Path("x/~")


def test_a_user_that_does_not_exist_is_an_error_with_the_path() -> None:
    with pytest.raises(FileNotFoundError, match="home directory is not known") as raised:
        expanded("~nobody!/x")
    assert raised.value.filename == "~nobody!/x"


def test_nothing_else_looks_for_a_home() -> None:
    folder = Path(__file__).parents[2] / "wm_planner"
    users = {path.name for path in folder.rglob("*.py") if ").expanduser(" in path.read_text()}
    assert users == set()
