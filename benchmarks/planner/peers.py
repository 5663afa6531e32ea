"""Planners to compare with: public packages, installed in a folder of their own.

They run with their own defaults, except for a tenth of the candidates as elites and a temperature
of 0.02 for MPPI.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import itertools
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from planner.families import BOX, Budget, Family, Problems
from planner.families.residual import Residual
from planner.families.smooth import SMOOTH
from planner.rules import Rule, Search

TEMPERATURE = 0.02

PINNED = (
    "stable-worldmodel==0.1.1",
    "pytorch-mppi==0.9.1",
    "pytorch-icem==0.1.0",
    "pytorch-seed==0.2.0",
    "arm-pytorch-utilities==0.5.0",
    "colorednoise==2.2.0",
    "gymnasium==1.4.0",
    "farama-notifications==0.0.6",
    "cloudpickle==3.1.2",
    "loguru==0.7.3",
    "scipy==1.16.3",
)
"""The peers and what they import, except torch and numpy, which are those of this environment."""


def install(folder: Path) -> None:
    """Install the pinned peers once into ``folder``, and put it last on the import path."""
    done = folder / "installed"
    if not done.exists() or done.read_text() != "\n".join(PINNED):
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--no-deps", "--upgrade"]
        subprocess.run([*pip, "--target", str(folder), *PINNED], check=True)
        done.write_text("\n".join(PINNED))
    sys.path.append(str(folder))
    # The package's __init__ imports simulators and datasets, which its solvers do not need.
    package = types.ModuleType("stable_worldmodel")
    package.__path__ = [str(folder / "stable_worldmodel")]
    sys.modules["stable_worldmodel"] = package


class _Costable:
    """The interface that stable-worldmodel's solvers need of a model."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def get_cost(self, info: dict[str, Any], candidates: Tensor) -> Tensor:
        return self._problems.cost(candidates)

    def parameters(self) -> Any:
        return iter([torch.zeros(1)])


def stable_worldmodel(
    module: str, name: str, **settings: Any
) -> Callable[[Problems, Budget, int], Search]:
    """A solver of stable-worldmodel; its 30 elites of 300 become a tenth of the candidates."""
    solver_class = getattr(importlib.import_module(f"stable_worldmodel.solver.{module}"), name)
    from gymnasium.spaces import Box

    def start(problems: Problems, budget: Budget, seed: int) -> Search:
        count, (samples, iterations) = len(problems), budget
        low = np.full((count, problems.actions), -BOX, np.float32)
        config = types.SimpleNamespace(horizon=problems.horizon, action_block=1)
        seeds = itertools.count(1000 * seed)

        def search(problems: Problems, warm: Tensor | None) -> Tensor:
            solver = solver_class(
                _Costable(problems),
                batch_size=count,
                num_samples=samples,
                n_steps=iterations,
                topk=max(2, samples // 10),
                seed=next(seeds),
                **settings,
            )
            solver.configure(action_space=Box(low, -low), n_envs=count, config=config)
            with contextlib.redirect_stdout(io.StringIO()):
                guess = None if warm is None else warm.clone()
                return solver.solve({"problem": torch.zeros(count, 1)}, guess)["actions"]

        return search

    return start


def pytorch_icem(problems: Problems, budget: Budget, seed: int) -> Search:
    """pytorch-icem, one problem after another; it draws from NumPy's global generator."""
    icem = importlib.import_module("pytorch_icem")
    samples, iterations = budget
    actions, horizon = problems.actions, problems.horizon

    def command(problem: Residual) -> Tensor:
        # Only its constructor refuses more than one action dimension.
        planner = icem.iCEM(
            lambda z, a: problem.step(z.unsqueeze(0), a.unsqueeze(0))[0],
            lambda z, a: (z[..., -1, :] - problem.goal).square().mean(dim=-1),
            problem.size.latent,
            1,
            sigma=torch.ones(1),
            num_samples=samples,
            num_elites=max(2, samples // 10),
            horizon=horizon,
            warmup_iters=iterations,
            online_iters=iterations,
        )
        planner.nu, planner.sigma, planner.std = actions, torch.ones(actions), torch.ones(actions)
        planner.mean = torch.zeros(horizon, actions)
        planner.command(problem.start[0], shift_nominal_trajectory=False)
        return planner.mean

    def search(problems: Problems, warm: Tensor | None) -> Tensor:
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (the peer's source of draws)
        return torch.stack([command(problems.one(b)) for b in range(len(problems))])

    return search


def pytorch_mppi(problems: Problems, budget: Budget, seed: int) -> Search:
    """pytorch-mppi, one problem after another, ``iterations`` refinements of one nominal plan."""
    mppi = importlib.import_module("pytorch_mppi")
    samples, iterations = budget
    actions, horizon = problems.actions, problems.horizon

    def command(problem: Residual) -> Tensor:
        planner = mppi.MPPI(
            lambda z, a: problem.step(z.unsqueeze(0), a.unsqueeze(0))[0],
            lambda z, a: z.new_zeros(len(z)),
            problem.size.latent,
            torch.eye(actions),
            num_samples=samples,
            horizon=horizon,
            lambda_=TEMPERATURE,
            u_min=torch.full((actions,), -BOX),
            u_max=torch.full((actions,), BOX),
            U_init=torch.zeros(horizon, actions),
            terminal_state_cost=lambda z, a: (z[..., -1, :] - problem.goal).square().mean(dim=-1),
        )
        for _ in range(iterations):
            planner.command(problem.start[0], shift_nominal_trajectory=False)
        return planner.U

    def search(problems: Problems, warm: Tensor | None) -> Tensor:
        torch.manual_seed(seed)
        return torch.stack([command(problems.one(b)) for b in range(len(problems))])

    return search


def _has_dynamics(family: Family, budget: Budget) -> bool:
    """The packages that call a model's dynamics themselves, one problem at a time, are slow."""
    return family in SMOOTH and budget in ((128, 10), (64, 10), (64, 5))


def peer_rules(folder: Path) -> list[Rule]:
    """Return all peers, by name and version, after installing them."""
    install(folder)
    swm = "stable-worldmodel 0.1.1"
    return [
        Rule(f"{swm} CEM", stable_worldmodel("cem", "CEMSolver")),
        Rule(f"{swm} iCEM", stable_worldmodel("icem", "ICEMSolver")),
        Rule(f"{swm} MPPI", stable_worldmodel("mppi", "MPPISolver", temperature=TEMPERATURE)),
        Rule("pytorch-icem 0.1.0", pytorch_icem, fits=_has_dynamics, loops=False),
        Rule("pytorch-mppi 0.9.1", pytorch_mppi, fits=_has_dynamics, loops=False),
    ]
