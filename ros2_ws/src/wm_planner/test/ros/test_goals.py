"""Scenes from requests: given once, of the right size, or refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from wm_planner.control import Code, Refused
from wm_planner.goal_library import GoalLibrary
from wm_planner.images import ImagePolicy
from wm_planner.models import ModelSpec
from wm_planner.models.spec import Moments
from wm_planner.ros.goals import SceneReader
from wm_planner.worker import Scene

NOTHING = SimpleNamespace(data=b"")
PICTURE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def _message(picture: np.ndarray = PICTURE) -> Any:
    height, width = picture.shape[:2]
    return SimpleNamespace(
        height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width,
        data=picture.tobytes(),
    )  # fmt: skip


@pytest.fixture
def reader(spec: ModelSpec, tmp_path: Path) -> SceneReader:
    cv2.imwrite(str(tmp_path / "home.png"), cv2.cvtColor(PICTURE, cv2.COLOR_RGB2BGR))
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no goal")
    return SceneReader(spec, ImagePolicy(), GoalLibrary(str(tmp_path)), lambda: Scene(PICTURE + 1))


def _read(reader: SceneReader, **fields: Any) -> Any:
    return reader.read("goal", **{"image": NOTHING, "compressed": NOTHING, **fields})


def test_a_message_gives_its_pixels(reader: SceneReader) -> None:
    np.testing.assert_array_equal(_read(reader, image=_message()).image, PICTURE)


def test_a_stored_goal_gives_its_pixels(reader: SceneReader) -> None:
    np.testing.assert_array_equal(_read(reader, name="home").image, PICTURE)


@pytest.mark.parametrize("name", ["../home", "notes", "/etc/passwd", "home.png", "away"])
def test_only_names_of_stored_pictures_are_goals(reader: SceneReader, name: str) -> None:
    with pytest.raises(Refused, match="there are: broken, home") as caught:
        _read(reader, name=name)
    assert caught.value.outcome.code is Code.INVALID_GOAL


def test_a_stored_file_that_is_no_picture_is_refused(reader: SceneReader) -> None:
    with pytest.raises(Refused, match="not a readable picture") as caught:
        _read(reader, name="broken")
    assert caught.value.outcome.code is Code.IMAGE_FORMAT


def test_two_goals_at_once_are_refused(reader: SceneReader) -> None:
    with pytest.raises(Refused, match="image and goal_name are given"):
        _read(reader, image=_message(), name="home")


def test_a_picture_smaller_than_the_model_s_is_refused(reader: SceneReader) -> None:
    with pytest.raises(Refused, match="128x60; the model needs at least 64 pixels"):
        _read(reader, image=_message(PICTURE[:60]))


def test_a_picture_of_another_aspect_than_the_camera_s_is_refused(reader: SceneReader) -> None:
    assert _read(reader, image=_message(), like=(480, 640)).image.shape == PICTURE.shape
    with pytest.raises(Refused, match="128x96, the camera's pictures are 1280x720"):
        _read(reader, image=_message(), like=(720, 1280))


def test_proprio_must_be_what_the_model_takes(reader: SceneReader, spec: ModelSpec) -> None:
    with pytest.raises(Refused, match="the model takes 0, it sees pictures only"):
        _read(reader, image=_message(), proprio=[1.0])
    spec.proprio.names, spec.proprio.units = ["x", "y"], ["m", "m"]
    spec.statistics.proprio = Moments([0.0, 0.0], [1.0, 1.0])
    assert _read(reader, image=_message(), proprio=[1.0, 2.0]).proprio.tolist() == [1.0, 2.0]
    with pytest.raises(Refused, match="not finite"):
        _read(reader, image=_message(), proprio=[1.0, np.nan])
    with pytest.raises(Refused, match="takes 2: x, y"):
        _read(reader, image=_message())


def test_the_current_picture_is_what_the_camera_sees(reader: SceneReader) -> None:
    np.testing.assert_array_equal(_read(reader, current=True).image, PICTURE + 1)


def test_a_goal_of_several_views_is_the_current_picture(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    seen = Scene(PICTURE, views=(PICTURE + 2,))
    reader = SceneReader(spec, ImagePolicy(), GoalLibrary(""), lambda: seen)
    np.testing.assert_array_equal(_read(reader, current=True).views, seen.views)
    with pytest.raises(Refused, match="sees front, wrist, the goal is one picture") as caught:
        _read(reader, image=_message())
    assert caught.value.outcome.code is Code.INVALID_GOAL


def test_without_a_fresh_picture_there_is_no_current_one(spec: ModelSpec) -> None:
    blind = SceneReader(spec, ImagePolicy(), GoalLibrary(""), lambda: None)
    with pytest.raises(Refused, match="no fresh picture") as caught:
        blind.read("goal", current=True)
    assert caught.value.outcome.code is Code.NO_IMAGE


def test_a_file_gives_its_pixels(reader: SceneReader) -> None:
    path = reader.library.directory / "home.png"
    np.testing.assert_array_equal(_read(reader, file=str(path)).image, PICTURE)
    with pytest.raises(Refused, match="there is no file"):
        _read(reader, file="/nowhere/goal.png")


def test_a_stored_state_counts_unless_another_is_given(
    reader: SceneReader, spec: ModelSpec
) -> None:
    spec.proprio.names, spec.proprio.units = ["x", "y"], ["m", "m"]
    reader.library.save("there", PICTURE, {"y": 2.0, "x": 1.0}, overwrite=False)
    np.testing.assert_array_equal(_read(reader, name="there").proprio, [1.0, 2.0])
    np.testing.assert_array_equal(_read(reader, name="there", proprio=[3.0, 4.0]).proprio, [3, 4])
    reader.library.save("half", PICTURE, {"y": 2.0}, overwrite=False)
    with pytest.raises(Refused, match="1 numbers, the model takes 2: x, y"):
        _read(reader, name="half")
