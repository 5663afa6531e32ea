"""No text of a setting has a second meaning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from omegaconf.errors import OmegaConfBaseException

from wm_planner.files.plain_settings import fill


@dataclass
class _Inner:
    text: str = ""
    number: int = 0


@dataclass
class _Settings:
    text: str = ""
    texts: list[str] = field(default_factory=list)
    free: dict[str, Any] = field(default_factory=dict)
    inner: _Inner = field(default_factory=_Inner)


def test_a_reference_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    text = "${oc.env:SECRET}"
    settings = fill(_Settings, {"text": text, "texts": [text], "free": {"a": [{"b": text}]}})
    assert settings == _Settings(text, [text], {"a": [{"b": text}]})
    with pytest.raises(OmegaConfBaseException) as caught:
        fill(_Settings, {"inner": {"number": text}})
    assert "hunter2" not in str(caught.value)


def test_any_text_stays_as_it_is() -> None:
    parts = ["\\", "$", "{", "}", "${", "'", '"', ":", "a", " ", ".", "oc.env:HOME", "é", "[", ","]
    draws = np.random.default_rng(0)
    for _ in range(300):
        text = "".join(draws.choice(parts, draws.integers(1, 9)))
        expected = _Settings(text, [text], {"a": text}, _Inner(text))
        given = {"text": text, "texts": [text], "free": {"a": text}, "inner": {"text": text}}
        assert fill(_Settings, given) == expected


def test_what_stands_for_a_missing_value_is_refused() -> None:
    with pytest.raises(OmegaConfBaseException, match="stands for a missing value"):
        fill(_Settings, {"inner": {"text": "???"}})


def test_later_contents_win() -> None:
    settings = fill(_Settings, {"inner": {"text": "a", "number": 1}}, {"inner": {"number": 2}})
    assert settings.inner == _Inner("a", 2)
