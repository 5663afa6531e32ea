"""``repeatable``: whether the same input gives the same latents twice."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel

CANDIDATES = 4


@torch.inference_mode()
def compare_calls(model: WorldModel, seed: int = 0) -> Result:
    """Encode and roll out twice, and compare the latents.

    Args:
        model: The loaded model.
        seed: Seed of the actions tried.
    """
    generator = torch.Generator().manual_seed(seed)
    shape = (1, CANDIDATES, 2, model.spec.model_action_dim)
    actions = torch.randn(shape, generator=generator).to(model.device)

    def once() -> list[torch.Tensor]:
        latent = model.encode(_sample(model))
        return [*_tensors(latent), *_tensors(model.rollout(latent, actions))]

    first, second = once(), once()
    gap = max(float((a - b).abs().max()) for a, b in zip(first, second, strict=True))
    finite = all(bool(a.isfinite().all()) for a in first)
    equal = all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    return judge(
        "repeatable",
        gap,
        0.0,
        OK if equal and finite else STOP,
        "The model's latents are not finite: the weights are damaged, or the precision is too low. "
        "Export the weights again, or set model.precision=float32."
        if not finite
        else f"The same image and actions gave latents that differ by up to {gap:.2g}: something "
        "is random (dropout left on, sampling in the encoder), so candidates cannot be compared. "
        "Put the model into evaluation mode and remove the sampling.",
        f"the same input twice differs by {gap:.2g}",
    )


def _sample(model: WorldModel) -> ObservationBatch:
    """Return an observation with gradients in its image and the training's mean state."""
    size = model.spec.image.size
    ramp = torch.linspace(0, 255, size, device=model.device)
    image = torch.stack([ramp.expand(size, size), ramp[:, None].expand(size, size), ramp.flip(0)
                           .expand(size, size)], dim=-1).to(torch.uint8)  # fmt: skip
    moments = model.spec.statistics.proprio if model.spec.proprio.names else None
    proprio = None
    if moments is not None:
        proprio = torch.tensor(moments.mean, dtype=torch.float32, device=model.device)
        proprio = proprio[None, None]
    images = image[None, None]
    return ObservationBatch(images, proprio, views=(images,) * (len(model.spec.views) - 1))


def _tensors(latent: Latent) -> list[torch.Tensor]:
    return [latent.visual] + ([] if latent.proprio is None else [latent.proprio])


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Compare two calls with the same input."""
    yield compare_calls(loaded.model)


CHECK = Check(("repeatable",), LoadedModel, run)
