"""Goals from messages: given in one way, of the right size, or rejected with a reason."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from wm_planner_msgs.msg import Goal

from wm_planner.control import ErrorCode, Refused
from wm_planner.goal_library import GoalLibrary
from wm_planner.images import ImagePolicy
from wm_planner.models import ModelSpec
from wm_planner.models.spec import Moments
from wm_planner.ros.goal_reader import LENGTHS, GoalReader
from wm_planner.ros.goal_sources import SOURCES
from wm_planner.types import Observation

IMAGE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def _message(image: np.ndarray = IMAGE) -> Any:
    height, width = image.shape[:2]
    return SimpleNamespace(
        height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width,
        data=image.tobytes(),
    )  # fmt: skip


@pytest.fixture
def reader(spec: ModelSpec, tmp_path: Path) -> GoalReader:
    cv2.imwrite(str(tmp_path / "home.png"), cv2.cvtColor(IMAGE, cv2.COLOR_RGB2BGR))
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("no goal")
    return GoalReader(
        spec, ImagePolicy(), GoalLibrary(str(tmp_path)), lambda: Observation((IMAGE + 1,))
    )


EMPTY: dict[str, Any] = {
    "images": [], "compressed_images": [], "name": "", "file": "", "current": False,
    "proprio": [], "tolerance": 0.0, "masks": [],
}  # fmt: skip


def _read(reader: GoalReader, like: tuple[int, int] | None = None, **fields: Any) -> Observation:
    return reader.goal("goal", SimpleNamespace(**{**EMPTY, **fields}), like).observation


def test_a_message_gives_its_pixels(reader: GoalReader) -> None:
    np.testing.assert_array_equal(_read(reader, images=[_message()]).images[0], IMAGE)


def test_a_stored_goal_gives_its_pixels(reader: GoalReader) -> None:
    np.testing.assert_array_equal(_read(reader, name="home").images[0], IMAGE)


@pytest.mark.parametrize("name", ["../home", "notes", "/etc/passwd", "home.png", "away"])
def test_only_names_of_stored_images_are_goals(reader: GoalReader, name: str) -> None:
    with pytest.raises(Refused, match="there are: broken, home") as caught:
        _read(reader, name=name)
    assert caught.value.status.code is ErrorCode.INVALID_GOAL


def test_a_stored_file_that_is_no_image_is_refused(reader: GoalReader) -> None:
    with pytest.raises(Refused, match="is not a usable image") as caught:
        _read(reader, name="broken")
    assert caught.value.status.code is ErrorCode.IMAGE_FORMAT


def test_a_goal_given_in_two_ways_is_refused(reader: GoalReader) -> None:
    with pytest.raises(Refused, match="images and name are given"):
        _read(reader, images=[_message()], name="home")


def test_an_image_smaller_than_the_model_s_is_refused(reader: GoalReader) -> None:
    with pytest.raises(Refused, match="128x60: the model needs at least 64 pixels"):
        _read(reader, images=[_message(IMAGE[:60])])


def test_an_image_of_another_aspect_than_the_camera_s_is_refused(reader: GoalReader) -> None:
    assert _read(reader, images=[_message()], like=(480, 640)).images[0].shape == IMAGE.shape
    with pytest.raises(Refused, match="128x96, but the camera's images are 1280x720"):
        _read(reader, images=[_message()], like=(720, 1280))


def test_proprio_must_match_the_model(reader: GoalReader, spec: ModelSpec) -> None:
    with pytest.raises(Refused, match="but the model takes 0: leave it empty"):
        _read(reader, images=[_message()], proprio=[1.0])
    spec.proprio.names, spec.proprio.units = ["x", "y"], ["m", "m"]
    spec.statistics.proprio = Moments([0.0, 0.0], [1.0, 1.0])
    assert _read(reader, images=[_message()], proprio=[1.0, 2.0]).proprio.tolist() == [1.0, 2.0]
    with pytest.raises(Refused, match="not finite"):
        _read(reader, images=[_message()], proprio=[1.0, np.nan])
    with pytest.raises(Refused, match="takes 2: x, y"):
        _read(reader, images=[_message()])


def test_the_current_image_is_what_the_camera_sees(reader: GoalReader) -> None:
    np.testing.assert_array_equal(_read(reader, current=True).images[0], IMAGE + 1)


def test_a_goal_has_an_image_for_each_view(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    seen = Observation((IMAGE, IMAGE + 2))
    reader = GoalReader(spec, ImagePolicy(), GoalLibrary(""), lambda: seen)
    np.testing.assert_array_equal(_read(reader, current=True).images, seen.images)
    both = [_message(IMAGE), _message(IMAGE + 2)]
    np.testing.assert_array_equal(_read(reader, images=both).images, seen.images)
    with pytest.raises(Refused, match=r"each view \(front, wrist\), but the goal has 1:") as caught:
        _read(reader, images=both[:1])
    assert caught.value.status.code is ErrorCode.INVALID_GOAL


def test_other_views_may_be_smaller_than_the_first(spec: ModelSpec) -> None:
    spec.views = ["front", "wrist"]
    seen = Observation((IMAGE, IMAGE[:40, :40]))
    reader = GoalReader(spec, ImagePolicy(), GoalLibrary(""), lambda: seen)
    assert _read(reader, current=True).images[1].shape == (40, 40, 3)


def test_a_current_goal_needs_a_fresh_image(spec: ModelSpec) -> None:
    reader = GoalReader(spec, ImagePolicy(), GoalLibrary(""), lambda: None)
    with pytest.raises(Refused, match="no fresh image") as caught:
        _read(reader, current=True)
    assert caught.value.status.code is ErrorCode.NO_IMAGE


@pytest.mark.parametrize("tolerance", [-0.1, 1.1, np.nan])
def test_a_tolerance_is_a_fraction(reader: GoalReader, tolerance: float) -> None:
    with pytest.raises(Refused, match=r"must lie in \[0, 1\]"):
        _read(reader, name="home", tolerance=tolerance)


def _mask(value: int | np.ndarray = 255, encoding: str = "mono8") -> Any:
    height, width = IMAGE.shape[:2]
    pixels = np.broadcast_to(np.asarray(value, np.uint8), (height, width))
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, is_bigendian=0, step=width,
        data=pixels.tobytes(),
    )  # fmt: skip


def _masked(reader: GoalReader, *masks: Any, **fields: Any) -> Any:
    fields = {**EMPTY, "images": [_message()], "masks": [*masks], **fields}
    return reader.goal("goal", SimpleNamespace(**fields))


GRID = (3, 3)


@pytest.fixture
def tokens(spec: ModelSpec, tmp_path: Path) -> GoalReader:
    """A reader for a model that has image tokens and takes proprio."""
    spec.proprio.names, spec.proprio.units = ["x", "y"], ["m", "m"]
    spec.statistics.proprio = Moments([0.0, 0.0], [1.0, 1.0])
    library = GoalLibrary(str(tmp_path))
    library.save("stored", IMAGE, {"x": 1.0}, overwrite=False)
    return GoalReader(spec, ImagePolicy(), library, lambda: None, grid=GRID)


def test_masks_are_refused_for_models_that_cannot_use_them(reader: GoalReader) -> None:
    with pytest.raises(Refused, match="leave masks empty"):
        _masked(reader, _mask(7))


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_masks_are_read_and_the_proprio_is_optional(tokens: GoalReader, encoding: str) -> None:
    pixels = np.zeros((96, 128), np.uint8)
    pixels[32:64, 16:48] = 255  # of the middle 96x96, which the model sees
    goal = _masked(tokens, _mask(pixels, encoding), tolerance=0.25)
    np.testing.assert_allclose(goal.weights, [[[0, 0, 0], [1, 0, 0], [0, 0, 0]]], atol=0.01)
    assert (goal.observation.proprio, goal.tolerance) == (None, 0.25)
    assert _masked(tokens, _mask(pixels), images=[], name="stored").observation.proprio is None
    goal = _masked(tokens, _mask(), proprio=[1.0, 2.0])
    assert goal.observation.proprio.tolist() == [1.0, 2.0]
    with pytest.raises(Refused, match="takes 2: x, y"):
        _masked(tokens, _mask(pixels), proprio=[1.0])


def test_without_masks_all_of_the_goal_counts(tokens: GoalReader) -> None:
    assert _masked(tokens, proprio=[1.0, 2.0]).weights is None
    with pytest.raises(Refused, match="takes 2: x, y"):
        _masked(tokens)


NARROW = SimpleNamespace(**{**vars(_mask(9)), "width": 96, "height": 128, "step": 96})


@pytest.mark.parametrize(
    ("masks", "sentence"),
    [
        ([_mask(0)], "the mask of the goal has no part that is white enough"),
        (
            [_mask(), _mask()],
            r"the mask of the goal must be one image for each view \(image\), not 2",
        ),
        ([_message()], "the mask of the goal is 'rgb8': give mono8"),
        ([_mask(9, "16UC1" + "x" * 10**6)], "the mask of the goal is '16UC1x+[.]{3}'"),
        ([SimpleNamespace(**{**vars(_mask(9)), "step": 64})], "the mask of the goal: .* step"),
        ([SimpleNamespace(**{**vars(_mask(9)), "data": b""})], "the mask of the goal: .* data"),
        ([NARROW], "has 96x128 pixels for view image, but the goal image 128x96"),
    ],
)
def test_masks_that_do_not_fit_are_refused(
    tokens: GoalReader, masks: list[Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence) as caught:
        _masked(tokens, *masks)
    assert len(caught.value.status.message) < 1000


def test_masks_are_measured_before_they_are_decoded(
    tokens: GoalReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("decoded")

    monkeypatch.setattr("wm_planner.ros.goal_masks.decode", never)
    for masks in ([_mask()] * 16, [NARROW]):
        with pytest.raises(Refused, match="mask"):
            _masked(tokens, *masks)


@pytest.mark.parametrize("field", [{"tolerance": 0.1}, {"masks": [_mask()]}])
def test_an_observation_has_no_tolerance_and_no_masks(reader: GoalReader, field: Any) -> None:
    message = SimpleNamespace(**{**EMPTY, "name": "home"})
    np.testing.assert_array_equal(reader.observation("start", message).images[0], IMAGE)
    with pytest.raises(Refused, match="the start has a tolerance or masks"):
        reader.observation("start", SimpleNamespace(**{**vars(message), **field}))


def test_every_source_is_a_field_of_the_message() -> None:
    assert set(SOURCES) <= set(Goal.get_fields_and_field_types())


def test_a_file_gives_its_pixels(reader: GoalReader) -> None:
    path = reader.library.directory / "home.png"
    np.testing.assert_array_equal(_read(reader, file=str(path)).images[0], IMAGE)
    with pytest.raises(Refused, match="there is no file"):
        _read(reader, file="/nowhere/goal.png")


def test_stored_proprio_is_used_unless_other_proprio_is_given(
    reader: GoalReader, spec: ModelSpec
) -> None:
    spec.proprio.names, spec.proprio.units = ["x", "y"], ["m", "m"]
    reader.library.save("there", IMAGE, {"y": 2.0, "x": 1.0}, overwrite=False)
    np.testing.assert_array_equal(_read(reader, name="there").proprio, [1.0, 2.0])
    np.testing.assert_array_equal(_read(reader, name="there", proprio=[3.0, 4.0]).proprio, [3, 4])
    reader.library.save("half", IMAGE, {"y": 2.0}, overwrite=False)
    with pytest.raises(Refused, match="1 numbers, but the model takes 2: x, y"):
        _read(reader, name="half")


@pytest.mark.parametrize("field", LENGTHS)
def test_a_field_that_is_too_long_is_refused(reader: GoalReader, field: str) -> None:
    count = LENGTHS[field] + 1
    value = {
        "name": "x" * count, "file": "x" * count, "proprio": [0.0] * count,
        "images": [_message()] * count, "compressed_images": [_message()] * count,
        "masks": [_message()] * count,
    }[field]  # fmt: skip
    for read in (_read, lambda *a, **k: reader.observation("goal", SimpleNamespace(**EMPTY | k))):
        with pytest.raises(Refused, match=f"{field} has {count} characters or entries|masks"):
            read(reader, **{field: value})
