"""``eval_mode`` and ``frozen``: whether every network is ready to predict, not to train."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Note, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.models.protocol import WorldModel


def networks(model: WorldModel) -> dict[str, nn.Module]:
    """Return the networks of a model by attribute, or the model itself if it is a network."""
    if isinstance(model, nn.Module):
        return {"model": model}
    return {name: value for name, value in vars(model).items() if isinstance(value, nn.Module)}


def training_leftovers(held: dict[str, nn.Module]) -> list[Result]:
    """Look for modules in training mode and for parameters that collect gradients."""
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
            "different. Call eval() in the family's constructor (DINO-WM's VWorldModel.eval() "
            "returns None: do not assign its result).",
            f"{len(training)} of {len(parts)} modules in training mode",
        ),
        judge(
            "frozen",
            len(free),
            0.0,
            STOP if free else OK,
            f"{_some(free)} not frozen: gradients would be collected and memory would grow with "
            "every plan. Call requires_grad_(False) in the family's constructor.",
            f"{len(free)} of {len(parameters)} parameters collect gradients",
        ),
    ]


def run(loaded: LoadedModel) -> Iterator[Result | Note]:
    """Examine the networks that the model holds as attributes."""
    if held := networks(loaded.model):
        yield from training_leftovers(held)
    else:
        yield Note(
            f"Models of family '{loaded.spec.family}' do not expose their networks: whether they "
            "are frozen and in evaluation mode can only be judged by 'repeatable'."
        )


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{rest} {'is' if len(names) == 1 else 'are'}"


CHECK = Check(("eval_mode", "frozen"), LoadedModel, run)
