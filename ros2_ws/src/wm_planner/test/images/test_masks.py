"""Masks of goals are checked before they count."""

from __future__ import annotations

import numpy as np
import pytest

from wm_planner.images.masks import MaskError, check_sizes, gray, token_weights

WHITE = np.full((60, 100), 255, np.uint8)
VIEWS = ["front", "wrist"]


def _mask(rows: slice, columns: slice, value: int = 255) -> np.ndarray:
    mask = np.zeros((60, 100), np.uint8)
    mask[rows, columns] = value
    return mask


def test_a_token_counts_as_much_as_its_part_of_the_mask_is_white() -> None:
    """The model sees the middle 60x60 pixels, as 2x3 tokens of 20 columns and 30 rows."""
    assert (token_weights([WHITE], (2, 3)) == 1).all()
    right = token_weights([_mask(slice(30, 60), slice(60, 100))], (2, 3))
    np.testing.assert_allclose(right, [[[0, 0, 0], [0, 0, 1]]], atol=0.005)
    part = token_weights([_mask(slice(0, 60), slice(20, 55), 204)], (2, 3))
    np.testing.assert_allclose(part, [[[0.8, 0.6, 0]] * 2], atol=0.005)


def test_a_mask_is_cropped_as_its_image() -> None:
    mask = _mask(slice(0, 60), slice(75, 100))
    right = token_weights([mask], (1, 2), [0.5, 0.0, 0.5, 1.0], "squash")
    np.testing.assert_allclose(right, [[[0, 1]]], atol=0.005)


def test_of_several_views_one_may_be_black() -> None:
    black = np.zeros((20, 20), np.uint8)
    weights = token_weights([black, _mask(slice(0, 30), slice(0, 100))], (2, 2))
    np.testing.assert_allclose(weights, [[[0, 0], [0, 0]], [[1, 1], [0, 0]]], atol=0.005)


@pytest.mark.parametrize(
    "mask",
    [
        _mask(slice(0, 0), slice(0, 0)),
        _mask(slice(0, 60), slice(0, 15)),  # beside what the model sees, which begins at 20
        _mask(slice(0, 1), slice(40, 41)),
        _mask(slice(0, 60), slice(0, 100), 100),
    ],
    ids=["black", "outside", "a pixel", "gray"],
)
def test_a_mask_that_is_nearly_black_where_the_model_looks_is_refused(mask: np.ndarray) -> None:
    with pytest.raises(MaskError, match="2 x 3 parts of the image, and at least one"):
        token_weights([mask], (2, 3))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_view_needs_its_mask(count: int) -> None:
    with pytest.raises(MaskError, match=rf"each view \(front, wrist\), not {count}"):
        check_sizes([(60, 100)] * count, [(60, 100)] * 2, VIEWS)
    with pytest.raises(MaskError, match="each view"):
        check_sizes([(60, 100)], [(60, 100)], VIEWS)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(
        MaskError, match="has 100x60 pixels for view wrist, but the goal image 20x30"
    ):
        check_sizes([(60, 100)] * 2, [(60, 100), (30, 20)], VIEWS)


def test_a_mask_with_colors_is_refused() -> None:
    image = np.repeat(WHITE[..., None], 3, axis=-1)
    np.testing.assert_array_equal(gray(image), WHITE)
    image[0, 0, 2] = 1
    with pytest.raises(MaskError, match="colors"):
        gray(image)
