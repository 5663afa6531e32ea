"""What of a camera's image a model sees, as ``model.yaml`` says it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from wm_planner.images.preprocess import Preprocess
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.shared.images import preprocess_for
from wm_planner.models.spec import ImageSpec, ModelSpec, SpecError

WIDE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)


def transformed(image: NDArray[np.uint8], **rule: Any) -> torch.Tensor:
    spec = ImageSpec(size=24, **rule)
    return preprocess_for(spec, torch.device("cpu"))(image[None, None])[0, 0]


def resized(image: NDArray[np.uint8], *size: int, antialias: bool = True) -> torch.Tensor:
    planes = torch.from_numpy(image).permute(2, 0, 1)[None] / 255.0
    small = interpolate(
        planes, size=size, mode="bilinear", align_corners=False, antialias=antialias
    )
    return (small[0] - 0.5) / 0.5


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("first", [False, True])
def test_each_fit(first: bool) -> None:
    close(transformed(WIDE, fit="crop", normalize_first=first), resized(WIDE, 24, 32)[..., 4:28])
    close(transformed(WIDE, fit="squash", normalize_first=first), resized(WIDE, 24, 24))
    close(transformed(WIDE, fit="keep", normalize_first=first), resized(WIDE, 24, 32))


def test_without_antialiasing() -> None:
    plain = transformed(WIDE, fit="squash", antialias=False)
    close(plain, resized(WIDE, 24, 24, antialias=False))
    assert (plain - transformed(WIDE, fit="squash")).abs().max() > 0.05


def test_a_part_of_the_cameras_image() -> None:
    part = transformed(WIDE, camera_crop=[0.25, 0.0, 0.5, 1.0], fit="squash")
    close(part, resized(WIDE[:, 16:48], 24, 24))
    # The same part of a camera with twice as many pixels.
    large = WIDE.repeat(2, axis=0).repeat(2, axis=1)
    other = transformed(large, camera_crop=[0.25, 0.0, 0.5, 1.0], fit="squash")
    close(other, resized(large[:, 32:96], 24, 24))


@pytest.mark.parametrize("part", [[0.999, 0.999, 0.001, 0.001], [0.0, 0.0, 1e-9, 1e-9]])
def test_the_smallest_part_is_a_pixel(part: list[float]) -> None:
    assert transformed(WIDE, camera_crop=part, fit="squash").std(dim=(1, 2)).max() < 1e-6


def test_channels_are_exchanged_before_they_are_normalized() -> None:
    mean, std = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
    expected = Preprocess(24, mean, std)(WIDE[None, None, ..., ::-1].copy())[0, 0]
    for first in (False, True):
        found = transformed(WIDE, mean=mean, std=std, color_order="bgr", normalize_first=first)
        close(found, expected)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"fit": "stretch"}, "image.fit must be one of crop, squash, keep, not 'stretch'"),
        ({"camera_crop": [0.5]}, "needs left, top, width and height, or nothing, not 1 numbers"),
        ({"camera_crop": [0.5, 0, 0.6, 1]}, "the part must lie in the image"),
        ({"camera_crop": [0, 0, 0, 1]}, "the part must lie in the image"),
        ({"camera_crop": [-0.1, 0, 1, 1]}, "must be a number from 0 to 1"),
        ({"camera_crop": [float("nan"), 0, 1, 1]}, "must be a number from 0 to 1"),
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        ImageSpec(size=24, **wrong)
    with pytest.raises(ValueError, match=r"fit|camera_crop"):
        Preprocess(24, **wrong)


def test_the_embedded_models_family_sees_the_same_part(spec: ModelSpec) -> None:
    spec.image.size, spec.image.fit, spec.image.camera_crop = 24, "squash", [0.25, 0, 0.5, 1]
    model = LatentWorldModel(spec, None)
    close(model.normalize(torch.from_numpy(WIDE)[None])[0], resized(WIDE[:, 16:48], 24, 24))
    spec.image.fit = "keep"
    with pytest.raises(SpecError, match="take square images"):
        LatentWorldModel(spec, None)
