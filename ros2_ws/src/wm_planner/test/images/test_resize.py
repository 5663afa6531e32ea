"""The resize rule without normalization."""

from __future__ import annotations

import pytest
import torch

from wm_planner.images.resize import resize


def test_the_short_side_is_scaled_and_the_center_is_kept() -> None:
    wide = torch.zeros(1, 40, 80, 3, dtype=torch.uint8)
    wide[:, :, 20:60] = 200
    small = resize(wide, 20)
    assert small.shape == (1, 3, 20, 20)
    assert small[..., 1:-1].min() == pytest.approx(200.0)


def test_an_image_of_the_right_size_keeps_its_pixels() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1, 32, 32, 3), generator=generator, dtype=torch.uint8)
    torch.testing.assert_close(resize(images, 32), images.permute(0, 3, 1, 2).float())


@pytest.mark.parametrize("shape", [(48, 64, 3), (1, 48, 64, 4), (1, 0, 64, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must be"):
        resize(torch.zeros(shape), 32)
