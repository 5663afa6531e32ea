"""Planners to compare with: a restatement of DINO-WM's rule, and public packages.

The packages are installed in a folder of their own. A rule is a function (problems, samples,
iterations, warm, seed) -> plans (B, H, A); ``warm`` is the shifted previous plan, or None.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from planner.problems import ACTION, BOX, HORIZON, LATENT, Problems

Rule = Callable[[Problems, int, int, "Tensor | None", int], Tensor]

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


def dino_wm(elites: int = 0, pad: str = "zero") -> Rule:
    """DINO-WM's rule; 0 elites stand for a tenth of the samples."""

    def rule(
        problems: Problems, samples: int, iterations: int, warm: Tensor | None, seed: int
    ) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        count = elites or max(2, samples // 10)
        mean = torch.zeros(len(problems), HORIZON, ACTION) if warm is None else warm.clone()
        sigma = torch.ones_like(mean)
        for _ in range(iterations):
            draws = torch.randn(len(problems), samples, HORIZON, ACTION, generator=generator)
            actions = draws * sigma.unsqueeze(1) + mean.unsqueeze(1)
            actions[:, 0] = mean
            best = problems.cost(actions).argsort(dim=1)[:, :count]
            chosen = actions[torch.arange(len(problems)).unsqueeze(1), best]
            mean, sigma = chosen.mean(dim=1), chosen.std(dim=1)
        return mean

    return rule


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


def stable_worldmodel(module: str, name: str, **settings: Any) -> Rule:
    """A solver of stable-worldmodel; its 30 elites of 300 become a tenth of the samples."""
    solver_class = getattr(importlib.import_module(f"stable_worldmodel.solver.{module}"), name)
    from gymnasium.spaces import Box

    def rule(
        problems: Problems, samples: int, iterations: int, warm: Tensor | None, seed: int
    ) -> Tensor:
        solver = solver_class(
            _Costable(problems),
            batch_size=len(problems),
            num_samples=samples,
            n_steps=iterations,
            topk=max(2, samples // 10),
            seed=seed,
            **settings,
        )
        low = np.full((len(problems), ACTION), -BOX, np.float32)
        config = types.SimpleNamespace(horizon=HORIZON, action_block=1)
        solver.configure(action_space=Box(low, -low), n_envs=len(problems), config=config)
        with contextlib.redirect_stdout(io.StringIO()):
            found = solver.solve({"start": problems.start}, None if warm is None else warm.clone())
        return found["actions"]

    return rule


def pytorch_icem() -> Rule:
    """pytorch-icem, one problem after another; it draws from NumPy's global generator."""
    icem = importlib.import_module("pytorch_icem")

    def rule(
        problems: Problems, samples: int, iterations: int, warm: Tensor | None, seed: int
    ) -> Tensor:
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (the peer's source of draws)
        plans = []
        for b in range(len(problems)):
            goal = problems.goal[b]
            # Only its constructor refuses more than one action dimension.
            planner = icem.iCEM(
                problems.dynamics,
                lambda x, u, goal=goal: (x[..., -1, :] - goal).square().mean(dim=-1),
                LATENT,
                1,
                sigma=torch.ones(1),
                num_samples=samples,
                num_elites=max(2, samples // 10),
                horizon=HORIZON,
                warmup_iters=iterations,
                online_iters=iterations,
            )
            planner.nu, planner.sigma, planner.std = ACTION, torch.ones(ACTION), torch.ones(ACTION)
            planner.mean = torch.zeros(HORIZON, ACTION)
            if warm is not None:
                planner.mean = warm[b].clone()
            planner.command(problems.start[b], shift_nominal_trajectory=False)
            plans.append(planner.mean)
        return torch.stack(plans)

    return rule


def pytorch_mppi(temperature: float = 0.02) -> Rule:
    """pytorch-mppi, one problem after another, ``iterations`` refinements of one nominal plan."""
    mppi = importlib.import_module("pytorch_mppi")

    def rule(
        problems: Problems, samples: int, iterations: int, warm: Tensor | None, seed: int
    ) -> Tensor:
        torch.manual_seed(seed)
        plans = []
        for b in range(len(problems)):
            goal = problems.goal[b]
            planner = mppi.MPPI(
                problems.dynamics,
                lambda z, a: z.new_zeros(len(z)),
                LATENT,
                torch.eye(ACTION),
                num_samples=samples,
                horizon=HORIZON,
                lambda_=temperature,
                u_min=torch.full((ACTION,), -BOX),
                u_max=torch.full((ACTION,), BOX),
                U_init=torch.zeros(HORIZON, ACTION) if warm is None else warm[b].clone(),
                terminal_state_cost=lambda states, actions, goal=goal: (
                    (states[..., -1, :] - goal).square().mean(dim=-1)
                ),
            )
            for _ in range(iterations):
                planner.command(problems.start[b], shift_nominal_trajectory=False)
            plans.append(planner.U)
        return torch.stack(plans)

    return rule


def peers(folder: Path) -> dict[str, Rule]:
    """All peers, by name and version."""
    install(folder)
    return {
        "stable-worldmodel 0.1.1 CEM": stable_worldmodel("cem", "CEMSolver"),
        "stable-worldmodel 0.1.1 iCEM": stable_worldmodel("icem", "ICEMSolver"),
        "stable-worldmodel 0.1.1 iCEM, white": stable_worldmodel(
            "icem", "ICEMSolver", noise_beta=0.0
        ),
        "stable-worldmodel 0.1.1 MPPI": stable_worldmodel("mppi", "MPPISolver", temperature=0.02),
        "pytorch-icem 0.1.0": pytorch_icem(),
        "pytorch-mppi 0.9.1": pytorch_mppi(),
    }
