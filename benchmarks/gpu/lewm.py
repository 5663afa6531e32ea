"""One plan of a LeWM of the paper's size, from a camera image to an action: can it follow a camera?

The time is that of encoding a new image of 480x480 pixels and of all iterations of a plan; the goal
is encoded once. "Agreement" is the share of elites in common with float32 on the same candidates.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from gpu.plans import elites_of, median_seconds
from gpu.report import Table, arguments
from lewm import HORIZON, made, upstream
from torch import Tensor

from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.planning import Planner, make_planner
from wm_planner.planning.captured import Captured

BUDGETS = ((64, 5), (128, 5), (300, 5), (300, 30))
WAYS: dict[str, dict[str, Any]] = {
    "float32, eager": {"captured": False},
    "float32": {},
    "tf32": {"precision": "tf32"},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "bfloat16, compiled": {"precision": "bfloat16", "compute": "compiled"},
    "float16, compiled": {"precision": "float16", "compute": "compiled"},
}


class Costs:
    """The cost of a model between an image and a goal, as a CUDA graph or not."""

    def __init__(self, model: LewmWorldModel, images: Tensor, captured: bool) -> None:
        self.model, self._images = model, images
        self._now = model.encode(ObservationBatch(images[:1]))
        self._goal = model.encode(ObservationBatch(images[1:]))
        self._cost = Captured(self.eager) if captured else self.eager

    def eager(self, actions: Tensor) -> Tensor:
        return self.model.distance(self.model.rollout(self._now, actions), self._goal)

    def __call__(self, actions: Tensor) -> Tensor:
        return self._cost(actions)

    def observe(self) -> None:
        """Encode the image anew, as a plan for a new image does."""
        self._now.visual.copy_(self.model.encode(ObservationBatch(self._images[:1])).visual)


class Upstream(Costs):
    """Upstream's computation."""

    def eager(self, actions: Tensor) -> Tensor:
        ends = upstream(self.model, self._now.visual[:, 0, 0], actions[0])[:, -1]
        goal: Latent = self._goal
        return (ends - goal.visual[:, 0, 0]).square().sum(dim=-1)[None]


def plan_anew(planner: Planner, cost: Costs) -> None:
    """Plan for a new image, without a previous plan."""
    planner.reset()
    cost.observe()
    planner.plan(cost)


def main() -> None:
    given = arguments()
    device = given.device
    images = torch.randint(
        0, 256, (2, 1, 480, 480, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    ).to(device)
    table = Table(
        "lewm",
        ["budget", "computation", "time [s]", "times upstream", "plans per second",
         "elites in common"],
        given.out,
    )  # fmt: skip
    plain = made(None, device)
    for samples, iterations in ((6, 2),) if given.toy else BUDGETS:
        planner = make_planner(
            "dino_wm",
            action_dim=plain.spec.model_action_dim,
            horizon=HORIZON,
            device=device,
            num_samples=samples,
            iterations=iterations,
            num_elites=max(2, samples // 10),
        )
        draws = [torch.randn(1, samples, HORIZON, 10, device=device) for _ in range(5)]
        exact, base = Costs(plain, images, captured=False), 0.0
        wanted = elites_of(exact, draws, max(2, samples // 10))
        for name in ("upstream's, float32", *WAYS):
            options = dict(WAYS.get(name, {"captured": False}))
            captured = options.pop("captured", True)
            torch.compiler.reset()
            kind = Costs if name in WAYS else Upstream
            with torch.inference_mode():
                cost = kind(made(None, device, **options), images, captured)

                plan = partial(plan_anew, planner, cost)
                plan()
                seconds = median_seconds(plan, device, 1 if given.toy else 7)
                common = elites_of(cost, draws, max(2, samples // 10))
            base = base or seconds
            share = sum(len(a & b) / len(a) for a, b in zip(common, wanted, strict=True)) / 5
            table.add(
                budget=f"{samples}x{iterations}",
                computation=name,
                time=seconds,
                times_upstream=base / seconds,
                plans_per_second=1 / seconds,
                elites_in_common=share,
            )
