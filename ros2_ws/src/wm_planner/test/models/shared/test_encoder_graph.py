"""With CUDA graphs, the encoder of one observation is a graph too; as far as a CPU can show it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import small_dino_wm
import torch
from lewm_runs import random_lewm, small_spec
from torch import Tensor

from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.protocol import ObservationBatch

Model = DinoWorldModel | LewmWorldModel
Make = Callable[[], Model]


@pytest.fixture(params=["dino_wm", "lewm"])
def model(request: pytest.FixtureRequest, tmp_path: Path, device: str) -> Model:
    if request.param == "lewm":
        return random_lewm(small_spec(frames=3), device)
    return small_dino_wm.random_model(tmp_path, device=device)


def seen(model: Model, batch: int, frames: int, seed: int) -> ObservationBatch:
    random = torch.Generator().manual_seed(seed)
    size = model.spec.image.size
    shape = (batch, frames, size, size, 3)
    actions = torch.randn(batch, frames - 1, model.spec.model_action_dim, generator=random)
    proprio = torch.randn(batch, frames, 4, generator=random) if model.spec.proprio.names else None
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)
    return ObservationBatch(images, proprio, actions if frames > 1 else None)


def visual(model: Model, observation: ObservationBatch) -> Tensor:
    return model.encode(observation).visual


@pytest.mark.usefixtures("captures")
@pytest.mark.parametrize("compute", ["graphs", "compiled"])
def test_graph_of_the_encoder_gives_each_observation_its_own_latent(
    model: Model, compute: str
) -> None:
    observations = [seen(model, 1, frames, seed) for seed in range(3) for frames in (1, 2)]
    expected = [visual(model, one) for one in observations]
    model.use("float32", compute)
    with torch.inference_mode():
        inside = [visual(model, one) for one in observations]
    outside = [visual(model, one) for one in observations]
    for found in (inside, outside):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)
    assert len(model._encoder._graphs) == 2  # of one frame and of two


@pytest.mark.usefixtures("captures")
def test_many_problems_at_once_are_encoded_without_a_graph(model: Model) -> None:
    """A doctor encodes whole recordings; each graph would keep their memory."""
    model.use("float32", "graphs")
    assert len(visual(model, seen(model, 2, 1, 0))) == 2
    assert not model._encoder._graphs
    model.use("float32", "eager")
    visual(model, seen(model, 1, 1, 0))
    assert model._encoder is model._plain_encoder
