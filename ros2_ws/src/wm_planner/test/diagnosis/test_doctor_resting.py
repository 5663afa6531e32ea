"""The doctor on recordings that cannot judge a model: of an arm that rests, and short ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import recordings

pytestmark = [pytest.mark.sim, pytest.mark.filterwarnings("ignore")]

Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


def _episode(recorded: Any, index: int) -> tuple[Any, Any, Any]:
    return recorded.actions[index], recorded.positions[index], recorded.images[index]


@pytest.mark.parametrize("noise", [0, 2])
def test_of_an_arm_that_rests_before_a_noisy_camera_nothing_is_predicted(
    recorded: Any, findings: Findings, tmp_path: Path, noise: int
) -> None:
    actions, places, images = _episode(recorded, 1)
    drawn = np.random.default_rng(0).integers(-noise, noise + 1, images.shape)
    still = np.clip(images[:1].astype(int) + drawn, 0, 255).astype(np.uint8)
    numbers = (0 * actions, np.repeat(places[:1], len(places), 0), still)
    code, found = findings(
        recorded.model, "--bag", recordings.write_bag(tmp_path / "bag", *numbers)
    )
    assert (code, set(found)) == (1, {"action_columns", "one_step"})
    assert "The arm rests in this recording" in found["one_step"]["sentence"]


def test_an_arm_that_does_not_follow_rests_and_one_in_another_unit_does_not(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    actions, places, images = _episode(recorded, 1)
    still = np.repeat(images[:1], len(images), 0)
    still[::2, ::8] ^= 8
    stands = (actions, np.repeat(places[:1], len(places), 0), still)
    found = findings(recorded.model, "--bag", recordings.write_bag(tmp_path / "stands", *stands))[1]
    assert "rests in this recording although it is commanded" in found["one_step"]["sentence"]
    assert "encoder" not in found
    unit = (actions, 0.001 * places, images)
    found = findings(recorded.model, "--bag", recordings.write_bag(tmp_path / "unit", *unit))[1]
    assert "motion_scale" in found
    assert "rests" not in found.get("one_step", {}).get("sentence", "")


def test_of_a_bag_that_is_too_short_the_encoder_is_not_judged(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    for steps in (2, 3, 6):
        actions, places, images = _episode(recorded, 1)
        numbers = (actions[:steps], places[: steps + 1], images[: steps + 1])
        path = recordings.write_bag(tmp_path / f"{steps}", *numbers)
        assert "encoder" not in findings(recorded.model, "--bag", path)[1]
