"""The fastest way to compute rollouts on a GPU that plans as float32 does.

``model.precision`` and ``model.compute`` may be ``auto``. Then a few ways are tried with the model
itself, on candidates between two images of smooth noise. A way counts if it ranks them as float32
does: nearly the same elites, at nearly the same cost, and likewise for a part of the goal's
image if goals may have masks. The choice is kept (``choice_cache.py``).
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass

import torch

from wm_planner.config import Config
from wm_planner.explain import explain, of_memory
from wm_planner.models.protocol import WorldModel
from wm_planner.planning.errors import CostMemoryError
from wm_planner.text import one_line
from wm_planner.worker.choice_cache import ChoiceCache
from wm_planner.worker.gradients import gradient_problem
from wm_planner.worker.trials import Course, Trial, Way, use

UNFINISHED = (
    "an earlier start ended while other ways were tried; delete wm_planner in the cache folder to "
    "have them tried again"
)
PATIENCE = 40.0  # [s] after which no other way is tried


@dataclass(frozen=True)
class Choice:
    """The way chosen, and a sentence on it for the log; empty if nothing had to be chosen."""

    way: Way
    sentence: str = ""


def choose(model: WorldModel, config: Config) -> Choice:
    """Choose how ``model`` computes, as ``model.precision`` and ``model.compute`` say.

    The model computes in the chosen way afterward.

    Args:
        model: The model on its device, as loaded with the options of ``config.model``.
        config: All settings, already checked.

    Raises:
        ValueError: ``model.compute`` asks for graphs of a model that cannot be captured.
    """
    asked = config.model
    captured = asked.compute in ("graphs", "compiled") and model.device.type == "cuda"
    if captured and not getattr(model, "static_rollout", False):
        raise ValueError(
            f"model.compute is {asked.compute}, but a GPU can replay only models whose family sets "
            f"static_rollout, and {model.spec.family} does not: set model.compute to eager or auto"
        )
    ways = candidates(model, config)
    if len(ways) == 1:
        if ways[0].compute == "graphs":  # which the options of `load` do not say
            use(model, ways[0])
        return Choice(ways[0])
    cache = ChoiceCache(model, config, [asdict(way) for way in ways])
    way = next((way for way in ways if asdict(way) == cache.way), None)
    words = cache.words
    if way is None:
        # If a trial ends this process, or takes too long, the next start does not repeat it.
        cache.keep(asdict(ways[-1]), UNFINISHED)
        with torch.inference_mode():
            way, words, certain = _tried(model, config, ways)
        if certain:
            cache.keep(asdict(way), words)
        else:
            cache.forget()
    use(model, way)
    return Choice(way, f"computes in {way} ({words})")


def candidates(model: WorldModel, config: Config) -> list[Way]:
    """Return the ways that the settings and the device allow, in the order of trial.

    Half precision comes first. Of the two, bfloat16 has the range of float32.
    """
    asked, device = config.model, model.device
    cuda = device.type == "cuda"
    precisions = [asked.precision]
    if asked.precision == "auto":
        precisions = []
        if cuda and hasattr(model, "use"):
            known = getattr(model, "precisions", ())
            capability = torch.cuda.get_device_capability(device)
            able = ["bfloat16"] * (capability >= (8, 0))  # Ampere
            if not gradient_problem(config.planning.preset, "float16"):
                able += ["float16"] * (capability >= (7, 0))  # Volta
            able += ["tf32"] * (capability >= (8, 0))
            precisions = [p for p in able if p in known]
        precisions.append("float32")
    computes = [asked.compute]
    if asked.compute == "auto":
        computes = ["eager"]
        if cuda and getattr(model, "static_rollout", False):
            computes = ["graphs", *["compiled"] * hasattr(model, "use"), "eager"]
    elif asked.compute == "graphs" and not cuda:
        computes = ["eager"]
    return [Way(p, c) for p in precisions for c in computes]


def _tried(model: WorldModel, config: Config, ways: list[Way]) -> tuple[Way, str, bool]:
    """Try precisions until one plans as float32 does, then the other ways to compute it.

    Returns:
        The fastest way that plans alike; what was measured, in words; and whether another start
        would find the same.
    """
    begin = time.monotonic()
    tried: dict[Way, Trial] = {}
    failed: dict[Way, str] = {}
    certain = True

    def attempt(way: Way) -> bool:
        nonlocal certain
        if way in tried or way in failed:
            return way in tried
        if time.monotonic() - begin > PATIENCE:
            failed[way] = "no time was left"
            return False
        try:
            tried[way] = course.trial(way)
        except Exception as error:  # a device or its compiler may be unable to
            certain = certain and not _of_memory(error)
            failed[way] = one_line(explain(error) or f"{type(error).__name__}: {error}", 400)
        return way in tried

    try:
        course = Course(model, config)
    except Exception as error:  # a model's code may raise anything
        return ways[-1], one_line(f"no other way was tried: {error}", 200), False
    precision = ways[-1].precision  # float32, or what was asked for
    alike = config.model.precision != "auto"
    if not alike:
        computes = dict.fromkeys(way.compute for way in ways)
        exact = next((w for c in computes if attempt(w := Way("float32", c))), ways[-1])
        limit = tried[exact].seconds if exact in tried else math.inf
        precision = next(
            (
                way.precision
                for way in ways
                if way.compute == exact.compute and way.precision != "float32" and attempt(way)
                and tried[way].plans_alike and tried[way].seconds < limit
            ),
            "float32",
        )  # fmt: skip
    usable = [
        way
        for way in ways
        if way.precision == precision and attempt(way) and (alike or tried[way].plans_alike)
    ]
    best = min(usable, key=lambda way: tried[way].seconds, default=ways[-1])
    words = [f"{course.count} candidates were tried{course.goals}"]
    words += [f"{way}: {trial}" for way, trial in tried.items()]
    words += [f"{way} is not possible: {why}" for way, why in failed.items()]
    return best, "; ".join(words), certain


def _of_memory(error: Exception) -> bool:
    """Decide whether an error may be gone when there is more memory."""
    return isinstance(error, CostMemoryError) or of_memory(error)
