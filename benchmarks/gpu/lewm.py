"""One plan of a LeWM from a camera image of 480x480 pixels to an action: can it follow a camera?

The columns are those of ``plans.py``. Upstream's network is replanned by our planner.
"""

from __future__ import annotations

from functools import partial

import torch
from dino_wm_plans import Problem
from gpu.report import Table, arguments
from gpu.whole_plans import (
    COLUMNS,
    WAYS,
    Budget,
    Costs,
    compare,
    median_seconds,
    plan_anew,
    planner_of,
)
from lewm import upstream
from torch import Tensor

from wm_planner.models.protocol import ObservationBatch
from wm_planner.worker.trials import Way

BUDGETS = ((64, 5), (300, 5), (300, 30), (128, 5))


class Upstream(Costs):
    """Upstream's computation of the costs."""

    def __call__(self, actions: Tensor) -> Tensor:
        ends = upstream(self.model, self.latent.visual[:, 0, 0], actions[0])[:, -1]
        return (ends - self.goal.visual[:, 0, 0]).square().sum(dim=-1)[None]


def camera_images(device: torch.device) -> Problem:
    """Return two images of noise, as a camera sends them."""
    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (2, 1, 480, 480, 3), dtype=torch.uint8, generator=random)
    return Problem(*(ObservationBatch(image[None].to(device)) for image in images))


def main() -> int:
    given = arguments()
    model, plain = given.lewm(), given.lewm()
    images = camera_images(given.device)
    table = Table("lewm", COLUMNS, given.out)
    seconds: dict[Budget, float] = {}
    with torch.inference_mode():
        exact, theirs = Costs(plain, images), Upstream(plain, images)
        for budget in ((6, 2),) if given.toy else BUDGETS:
            plan = partial(plan_anew, planner_of(plain, *budget), theirs)
            plan()  # loads kernels
            seconds[budget] = median_seconds(plan, given.device, 3)
        ways = (*WAYS, Way("float32", "eager"))
        compare(table, model, exact, images, seconds, ways)
    return table.failed
