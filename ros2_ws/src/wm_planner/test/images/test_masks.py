"""Masks of goals are checked before they count."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.images.masks import MaskError, checked_masks, gray

IMAGE = np.zeros((60, 100, 3), np.uint8)
SMALL = np.zeros((20, 20, 3), np.uint8)
PART = np.zeros((60, 100), np.uint8)
PART[30:40, 40:50] = 200
WHITE = np.full((60, 100), 255, np.uint8)


def test_masks_of_their_images_sizes_are_kept() -> None:
    black = np.zeros((20, 20), np.uint8)  # nothing of one of several views may count
    kept = checked_masks([PART, black], [IMAGE, SMALL], ["front", "wrist"])
    assert kept[0] is PART
    assert kept[1] is black


def test_white_masks_are_as_none() -> None:
    assert checked_masks([WHITE], [IMAGE], ["image"]) == ()
    small = np.full((20, 20), 255, np.uint8)
    assert len(checked_masks([WHITE, small - 1], [IMAGE, SMALL], ["front", "wrist"])) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_every_view_needs_its_mask(count: int) -> None:
    with pytest.raises(MaskError, match=rf"each view \(front, wrist\), not {count}"):
        checked_masks([PART] * count, [IMAGE, SMALL], ["front", "wrist"])


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(MaskError, match="mask of 100x60 pixels for wrist, whose image has 20x20"):
        checked_masks([PART, PART], [IMAGE, SMALL], ["front", "wrist"])


def test_a_mask_that_is_black_where_the_model_looks_is_refused() -> None:
    side = np.zeros((60, 100), np.uint8)
    side[:, :15] = 255  # the central crop of a 100x60 image begins at 20
    assert checked_masks([side], [IMAGE], ["image"], fit="squash")
    for crop in ([], [0.5, 0.0, 0.5, 1.0]):
        with pytest.raises(MaskError, match="black in all of what the model sees"):
            checked_masks([side], [IMAGE], ["image"], crop)


def test_a_mask_with_colors_is_refused() -> None:
    image = np.repeat(PART[..., None], 3, axis=-1)
    np.testing.assert_array_equal(gray(image), PART)
    image[0, 0, 2] = 1
    with pytest.raises(MaskError, match="colors"):
        gray(image)
