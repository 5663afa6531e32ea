"""Is the loaded model in evaluation mode, frozen, and the same function every time it is called."""

from __future__ import annotations

import torch
from torch import nn

from wm_planner.diagnosis.result import OK, STOP, Result, judge
from wm_planner.models.protocol import Latent, ObservationBatch, WorldModel

CANDIDATES = 4


def modules(model: WorldModel) -> dict[str, nn.Module]:
    """The networks that a model holds, by the name of the attribute; itself where it is one."""
    if isinstance(model, nn.Module):
        return {"model": model}
    return {name: value for name, value in vars(model).items() if isinstance(value, nn.Module)}


def gray(model: WorldModel) -> ObservationBatch:
    """An image with some structure and an average state, so that every layer has work to do."""
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


def check(model: WorldModel, seed: int = 0) -> list[Result]:
    """Look at the networks, and compute the same thing twice.

    Args:
        model: The loaded model.
        seed: Of the actions tried.

    Returns:
        ``eval_mode`` and ``frozen`` where the model's networks can be reached, ``repeatable``.
    """
    return [*_modes(model), _repeatable(model, seed)]


def _modes(model: WorldModel) -> list[Result]:
    held = modules(model)
    if not held:
        return []
    parts = [
        (f"{name}.{path}".rstrip("."), part)
        for name, module in held.items()
        for path, part in module.named_modules()
    ]
    training = [f"{name} ({type(part).__name__})" for name, part in parts if part.training]
    parameters = [
        (f"{name}.{path}", parameter)
        for name, module in held.items()
        for path, parameter in module.named_parameters()
    ]
    free = [name for name, parameter in parameters if parameter.requires_grad]
    return [
        judge(
            "eval_mode",
            len(training),
            0.0,
            STOP if training else OK,
            f"{_some(training)} in training mode: dropout and batch statistics make every plan "
            "different. Call eval() in the family's constructor (upstream's VWorldModel.eval() "
            "returns None: do not assign it).",
            f"{len(training)} of {len(parts)} modules in training mode",
        ),
        judge(
            "frozen",
            len(free),
            0.0,
            STOP if free else OK,
            f"{_some(free)} would collect gradients: memory grows with every plan. Call "
            "requires_grad_(False) in the family's constructor.",
            f"{len(free)} of {len(parameters)} parameters collect gradients",
        ),
    ]


@torch.inference_mode()
def _repeatable(model: WorldModel, seed: int) -> Result:
    generator = torch.Generator().manual_seed(seed)
    shape = (1, CANDIDATES, 2, model.spec.model_action_dim)
    actions = torch.randn(shape, generator=generator).to(model.device)

    def once() -> list[torch.Tensor]:
        latent = model.encode(gray(model))
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
        "The model's latents are not finite: the weights are damaged, or the precision is too low."
        if not finite
        else f"The same image and actions gave latents that differ by up to {gap:.2g}: something "
        "is random (dropout left on, sampling in the encoder), so candidates cannot be compared. "
        "Put the model into evaluation mode and remove the sampling.",
        f"the same input twice differs by {gap:.2g}",
    )


def _tensors(latent: Latent) -> list[torch.Tensor]:
    return [latent.visual] + ([] if latent.proprio is None else [latent.proprio])


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{rest} {'is' if len(names) == 1 else 'are'}"
