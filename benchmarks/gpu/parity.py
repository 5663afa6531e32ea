"""Upstream's reference runs on the GPU, in every precision.

Errors are the largest of all numbers, relative to the largest number.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gpu.report import Table, arguments
from gpu.whole_plans import agreement
from torch import Tensor

from wm_planner.conversion.registry import convert
from wm_planner.conversion.request import Request
from wm_planner.models.loading import load
from wm_planner.models.protocol import ObservationBatch, WorldModel
from wm_planner.models.shared.compute import PRECISIONS

TESTS = Path(__file__).parents[2] / "ros2_ws/src/wm_planner/test"


@dataclass(frozen=True)
class Run:
    """What upstream computed with one model.

    Attributes:
        seen: Images, and their latents.
        rolled: Images, candidates (B, N, H, A), and the frames of their rollouts.
        plan: The image and the goal of a plan, and the candidates (N, H, A) and costs (N,) of its
            iterations.
    """

    directory: Path
    seen: tuple[ObservationBatch, Tensor]
    rolled: tuple[ObservationBatch, Tensor, Tensor]
    plan: tuple[ObservationBatch, ObservationBatch, Tensor, Tensor]


def dino_wm(folder: Path) -> Run:
    from conversions import DATA, ENCODER, MAZE, RUN, facts

    request = Request(run=RUN, output=folder / "tiny", encoder=ENCODER, dataset=MAZE)
    known, trace = numbers(DATA / "reference.npz"), numbers(DATA / "plan_trace.npz")
    seen = ObservationBatch(known["obs_visual"], known["obs_proprio"])
    now, goal = (
        ObservationBatch(trace[f"{name}_visual"], trace[f"{name}_proprio"])
        for name in ("obs", "goal")
    )
    return Run(
        convert(request, facts()).directory,
        (seen, known["z_obs_visual"]),
        (seen, known["act"][None], known["rollout_visual"]),
        (now, goal, trace["sampled_actions"], trace["sampled_losses"]),
    )


def lewm(folder: Path) -> Run:
    from lewm_runs import DATA, convert_lewm

    known, trace = numbers(DATA / "reference.npz"), numbers(DATA / "plan_trace.npz")
    images = known["images_raw"][:, None]
    return Run(
        convert_lewm(DATA / "lewm", folder / "lewm").directory,
        (ObservationBatch(images), known["emb"]),
        (ObservationBatch(images[known["start_index"]]), known["candidates"], known["rollout"]),
        (ObservationBatch(images[:1]), ObservationBatch(images[5:6]),
         trace["candidates"], trace["costs"]),
    )  # fmt: skip


def numbers(path: Path) -> dict[str, Tensor]:
    arrays = {name: array for name, array in np.load(path).items() if array.dtype.kind in "fiu"}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def main() -> None:
    given = arguments()
    sys.path.insert(0, str(TESTS / "support"))
    table = Table(
        "parity",
        ["model", "precision", "error of the encoding", "error of the rollout",
         "error of the costs", "elites in common"],
        given.out,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        for name, run_of in (("LeWM", lewm), ("DINO-WM", dino_wm)):
            run = run_of(Path(folder))
            model = load(run.directory, given.device)
            for precision in PRECISIONS:
                model.use(precision, "eager")
                table.add(model=name, precision=precision, **errors(model, run))


def errors(model: WorldModel, run: Run) -> dict[str, float]:
    """Compute what upstream computed, and compare."""
    encoded = model.encode(run.seen[0]).visual
    start, actions, frames = run.rolled
    rolled = model.rollout(model.encode(start), actions.to(model.device)).visual
    now, goal = map(model.encode, run.plan[:2])
    candidates, losses = (part.float().to(model.device) for part in run.plan[2:])
    costs = torch.cat([model.distance(model.rollout(now, c[None]), goal) for c in candidates])
    count = max(1, costs.shape[1] // 10)
    found, wanted = (
        [set(best[:count]) for best in some.argsort(dim=1).tolist()] for some in (costs, losses)
    )
    return {
        "error_of_the_encoding": largest(encoded, run.seen[1]),
        "error_of_the_rollout": largest(rolled, frames),
        "error_of_the_costs": largest(costs, losses),
        "elites_in_common": agreement(found, wanted),
    }


def largest(actual: Tensor, expected: Tensor) -> float:
    expected = expected.to(actual).view(actual.shape)
    return float((actual - expected).abs().max() / expected.abs().max())
