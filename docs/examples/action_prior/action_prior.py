"""A prior for a planner, fitted to recorded actions: ``python action_prior.py``.

A point has to pass a gate and end at a goal. The cost is 0 if it does and 1 if not, so a search
learns nothing until a candidate succeeds, and hardly any random one does. An operator has steered
the point many times, from other starts. The recorded actions that followed states like the present
one say where to search: their mean and standard deviation, step by step, are the prior.

Recorded episodes are a pair of arrays each, as ``wm_planner.datasets.read(...).episode(i)`` has
them in ``states`` and ``actions``. If the model has a frameskip, join the actions of a model step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.planning import PlanResult, make_planner

Array = NDArray[np.float64]
HORIZON = 12
GATE, GOAL = (1.5, 1.5), (3.0, 0.0)  # [m]
REACH = 0.15  # [m] at most so far from gate and goal


@dataclass
class Windows:
    """All stretches of H steps of a recording.

    Attributes:
        states: (W, S) the state before each stretch.
        actions: (W, H, A) its normalized actions.
        moments: Mean and standard deviation (A,) that normalize actions.
    """

    states: Array
    actions: Array
    moments: tuple[Array, Array]

    @classmethod
    def of(cls, episodes: list[tuple[Array, Array]], horizon: int) -> Windows:
        """Take episodes of states (T, S) and actions (T, A), each at least H steps long."""
        every = np.concatenate([actions for _, actions in episodes])
        moments = every.mean(axis=0), every.std(axis=0)
        places = [(e, t) for e, (_, a) in enumerate(episodes) for t in range(len(a) - horizon + 1)]
        stretches = np.stack([episodes[e][1][t : t + horizon] for e, t in places])
        states = np.stack([episodes[e][0][t] for e, t in places])
        return cls(states, (stretches - moments[0]) / moments[1], moments)

    def prior(self, state: Array, count: int = 40, least: float = 0.1) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation (H, A) of the actions that followed similar states.

        Args:
            state: (S,) the present state.
            count: How many of the nearest recorded states count.
            least: Least standard deviation, so that the search can leave what was recorded.
        """
        distances = np.linalg.norm(self.states - state, axis=1)
        followed = torch.from_numpy(self.actions[np.argsort(distances)[:count]])
        return followed.mean(dim=0), followed.std(dim=0).clamp(min=least)


def record(episodes: int, seed: int) -> list[tuple[Array, Array]]:
    """Return positions and steps (T, 2) [m] of an operator with an unsteady hand."""
    random, recording = np.random.default_rng(seed), []
    for _ in range(episodes):
        position, rows = random.normal(0.0, 0.2, 2), []
        for t in range(HORIZON + 2):
            target, left = (GATE, HORIZON // 2 - t) if t < HORIZON // 2 else (GOAL, HORIZON - t)
            step = (np.array(target) - position) / max(left, 1) + random.normal(0.0, 0.05, 2)
            rows.append((position, step))
            position = position + step
        recording.append((np.stack([p for p, _ in rows]), np.stack([s for _, s in rows])))
    return recording


def plan(windows: Windows, state: Array, *, with_prior: bool, seed: int = 0) -> PlanResult:
    """Search a way from a position (2,) through the gate to the goal."""
    mean, std = (torch.from_numpy(part).float() for part in windows.moments)
    start = torch.from_numpy(state).float()

    def cost(actions: Tensor) -> Tensor:
        path = start + (actions * std + mean).cumsum(dim=-2)  # a model's rollout
        passed = (path - torch.tensor(GATE)).norm(dim=-1).amin(dim=-1) <= REACH
        arrived = (path[..., -1, :] - torch.tensor(GOAL)).norm(dim=-1) <= REACH
        return 1.0 - (passed & arrived).float()

    planner = make_planner("full", action_dim=2, horizon=HORIZON, bounds=(-3.0, 3.0), seed=seed)
    return planner.plan(cost, prior=windows.prior(state) if with_prior else None)


def main(starts: int = 20) -> dict[bool, int]:
    """Plan from several starts; print and return how often, without and with the prior."""
    windows = Windows.of(record(60, seed=0), HORIZON)
    positions = np.random.default_rng(1).normal(0.0, 0.2, (starts, 2))
    reached = {}
    for with_prior in (False, True):
        plans = [plan(windows, at, with_prior=with_prior, seed=i) for i, at in enumerate(positions)]
        reached[with_prior] = sum(float(each.cost) == 0.0 for each in plans)
        words = "with" if with_prior else "without"
        print(f"{words} the prior: {reached[with_prior]} of {starts} plans reach the goal")
    return reached


if __name__ == "__main__":
    main()
