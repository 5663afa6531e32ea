"""One plan of a DINO-WM, by our computation and by upstream's, from an image to an action.

"Over bare" is the time of a plan over that of its forwards alone: the image is encoded, and the
costs of the same candidates are computed. "Mean" is the time of one more forward, of the last mean
alone, which a plan makes too. "Online" is a plan of the node's own planner. "Elites in common" are
those that float32 finds among the same candidates; "cost of plan" is computed in float32, relative
to the plan found in float32. Upstream's plan encodes its goal too. The paper's whole budget is
planned in one way only.
"""

from __future__ import annotations

from functools import partial

import torch
from dino_wm_plans import Problem, plan_upstream
from gpu.report import Table, arguments
from gpu.whole_plans import (
    COLUMNS,
    Budget,
    Costs,
    compare,
    once_seconds,
    plan_anew,
    planner_of,
)

from wm_planner.worker.trials import Way

BUDGETS = ((64, 5), (300, 5))
WHOLE, FASTEST = (300, 30), Way("bfloat16", "compiled")


def main() -> int:
    given = arguments()
    model, plain = given.dino_wm(), given.dino_wm()
    images = Problem.random(plain.spec, given.device)
    table = Table("plans", COLUMNS, given.out)
    seconds: dict[Budget, float] = {}
    with torch.inference_mode():
        for budget in ((6, 2),) if given.toy else BUDGETS:
            plan_upstream(plain, images, budget[0], 1)  # loads kernels
            seconds[budget] = plan_upstream(plain, images, *budget).wall
        compare(table, model, Costs(plain, images), images, seconds)
        budget = (6, 3) if given.toy else WHOLE
        model.use(FASTEST.precision, FASTEST.compute)
        plan = partial(plan_anew, planner_of(model, *budget), Costs(model, images))
        first, second = (once_seconds(plan, given.device) for _ in range(2))
        table.add(budget="{}x{}".format(*budget), computation=str(FASTEST), plan=1e3 * second,
                  first_plan=first)  # fmt: skip
    return table.failed
