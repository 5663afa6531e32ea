"""The transform equals DINO-WM's own, bit for bit on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from wm_planner.images.preprocess import Preprocess, resized_shape

REFERENCE = Path(__file__).parent / "data" / "dino_wm_images.npz"


def in_training(images: NDArray[np.uint8], size: int) -> torch.Tensor:
    """DINO-WM's transform step by step: divide, resize, crop, normalize."""
    frames = torch.from_numpy(images).permute(0, 3, 1, 2) / 255.0
    height, width = frames.shape[-2:]
    if height < width:
        rows, columns = size, int(size * width / height)
    else:
        rows, columns = int(size * height / width), size
    if (rows, columns) != (height, width):
        frames = interpolate(
            frames, size=(rows, columns), mode="bilinear", align_corners=False, antialias=True
        )
    top, left = round((rows - size) / 2.0), round((columns - size) / 2.0)
    square = frames[..., top : top + size, left : left + size].clone()
    half = torch.tensor([0.5, 0.5, 0.5]).view(-1, 1, 1)
    return square.sub_(half).div_(half)


def frames(height: int, width: int, count: int = 1) -> NDArray[np.uint8]:
    random = np.random.default_rng(height * width)
    return random.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def test_transform_equals_upstream_bit_for_bit() -> None:
    reference = np.load(REFERENCE)
    ours = Preprocess(224)(reference["raw"])
    assert np.array_equal(ours.numpy()[..., ::8, :], reference["transformed_every_8th_row"])


def test_resize_equals_torchvision_bit_for_bit() -> None:
    """Upstream's next step resized these images to 196 with torchvision: the same filter."""
    reference = np.load(REFERENCE)
    transformed = Preprocess(224)(reference["raw"])[0]
    resized = interpolate(transformed, size=(196, 196), mode="bilinear", antialias=True)
    assert np.array_equal(resized.numpy()[..., ::7, :], reference["encoder_input_every_7th_row"])


@pytest.mark.parametrize(
    ("height", "width"),
    [(480, 640), (720, 1280), (640, 480), (224, 224), (224, 300), (300, 224), (225, 224),
     (100, 90), (97, 331), (49, 48)],
)  # fmt: skip
@pytest.mark.parametrize("size", [224, 64])
def test_any_size_equals_training_bit_for_bit(height: int, width: int, size: int) -> None:
    images = frames(height, width)
    assert torch.equal(Preprocess(size)(images[None])[0], in_training(images, size))


@pytest.mark.parametrize(
    ("height", "width", "size"), [(81, 109, 82), (157, 213, 158), (81, 109, 80), (60, 200, 61)]
)
def test_scale_close_to_one_equals_training_bit_for_bit(height: int, width: int, size: int) -> None:
    images = frames(height, width)
    assert torch.equal(Preprocess(size)(images[None])[0], in_training(images, size))


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 150), width=st.integers(1, 150), size=st.integers(2, 160))
def test_random_sizes_equal_training_bit_for_bit(height: int, width: int, size: int) -> None:
    images = frames(height, width)
    assert torch.equal(Preprocess(size)(images[None])[0], in_training(images, size))


def test_batches_and_steps_keep_their_order() -> None:
    images = frames(60, 80, 6).reshape(2, 3, 60, 80, 3)
    result = Preprocess(32)(images)
    assert result.shape == (2, 3, 3, 32, 32)
    assert result.dtype == torch.float32
    assert result.is_contiguous()
    for batch in range(2):
        assert torch.equal(result[batch], in_training(images[batch], 32))


def test_tensors_arrays_and_read_only_arrays_are_taken() -> None:
    images = frames(60, 80)[None]
    read_only = images.copy()
    read_only.flags.writeable = False
    expected = Preprocess(32)(images)
    assert torch.equal(Preprocess(32)(torch.from_numpy(images)), expected)
    assert torch.equal(Preprocess(32)(read_only), expected)


def test_model_trained_on_bgr_gets_bgr() -> None:
    images = frames(60, 80)[None]
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = Preprocess(32, mean, std)(images[..., ::-1].copy())
    assert torch.equal(Preprocess(32, mean, std, color_order="bgr")(images), expected)


def test_images_are_not_changed() -> None:
    images = frames(32, 32)[None]
    before = images.copy()
    Preprocess(32)(images)
    assert np.array_equal(images, before)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 1, 8, 8, 3), np.float32),
        torch.zeros(1, 1, 8, 8, 3),
        np.zeros((1, 8, 8, 3), np.uint8),
        np.zeros((1, 1, 3, 8, 8), np.uint8),
        np.zeros((1, 1, 8, 8, 4), np.uint8),
        np.zeros((1, 0, 8, 8, 3), np.uint8),
    ],
)
def test_floats_and_other_shapes_are_refused(images: Any) -> None:
    with pytest.raises(ValueError, match="images must be"):
        Preprocess(8)(images)


@pytest.mark.parametrize(
    "settings",
    [{"size": 0}, {"mean": (0.5,)}, {"std": (1, 1, 0)}, {"color_order": "RGB"}],
)
def test_constructor_refuses_invalid_values(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        Preprocess(**settings)


def test_resized_shape_rounds_the_long_side_down() -> None:
    assert resized_shape(480, 640, 224) == (224, 298)
    assert resized_shape(640, 480, 224) == (298, 224)
    assert resized_shape(50, 50, 224) == (224, 224)


def test_every_device_equals_training_within_a_fortieth_of_a_gray_level(device: str) -> None:
    """A gray level is 1 / 127.5 here; on a GPU the weights of the resize are rounded otherwise."""
    images = frames(480, 640, 2)
    result = Preprocess(224, device=device)(images[None])[0].cpu()
    torch.testing.assert_close(result, in_training(images, 224), atol=2e-4, rtol=0)
