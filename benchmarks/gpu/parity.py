"""Upstream's reference run on the GPU: the rollout's errors, and the plan found, by precision."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from gpu.report import Table, arguments

from wm_planner.conversion.dino_wm.convert import convert
from wm_planner.conversion.facts import ActionFacts, Facts, ProprioFacts
from wm_planner.conversion.request import Request
from wm_planner.models.loading import load
from wm_planner.models.protocol import ObservationBatch
from wm_planner.models.shared.compute import PRECISIONS

RUN = Path(__file__).parents[2] / "ros2_ws/src/wm_planner/test/data/dino_wm"


def converted(folder: Path) -> Path:
    facts = Facts(
        control_rate=10.0,
        color_order="rgb",
        action=ActionFacts(["fx", "fy"], ["N", "N"], "world"),
        proprio=ProprioFacts(["x", "y", "vx", "vy"], ["m", "m", "m/s", "m/s"]),
        encoder_heads=3,
    )
    request = Request(
        run=RUN / "outputs/tiny",
        output=folder / "tiny",
        encoder=RUN / "dinov2_tiny_pretrain.pth",
        dataset=RUN / "data/point_maze",
    )
    return convert(request, facts).directory


def main() -> None:
    given = arguments()
    device = given.device
    reference = {k: torch.from_numpy(v) for k, v in np.load(RUN / "reference.npz").items()}
    trace = {k: v for k, v in np.load(RUN / "plan_trace.npz").items() if k != "settings"}
    candidates, losses = (
        torch.from_numpy(trace[f"sampled_{name}"]).float().to(device)
        for name in ("actions", "losses")
    )
    table = Table(
        "parity",
        ["precision", "error of the encoding", "error of the rollout", "error of the costs",
         "elites in common"],
        given.out,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        directory = converted(Path(folder))
        for precision in PRECISIONS:
            model = load(directory, device, precision=precision)
            with torch.inference_mode():
                seen = ObservationBatch(reference["obs_visual"], reference["obs_proprio"])
                start = model.encode(seen)
                rolled = model.rollout(start, reference["act"][None].to(device)).visual[0]
                now, goal = (
                    model.encode(
                        ObservationBatch(
                            torch.from_numpy(trace[f"{name}_visual"]),
                            torch.from_numpy(trace[f"{name}_proprio"]),
                        )
                    )
                    for name in ("obs", "goal")
                )
                costs = torch.stack(
                    [model.distance(model.rollout(now, some[None]), goal)[0] for some in candidates]
                )
            count = max(1, candidates.shape[1] // 10)
            pairs = zip(costs.argsort(dim=1)[:, :count], losses.argsort(dim=1)[:, :count],
                        strict=True)  # fmt: skip
            common = [len(set(a.tolist()) & set(b.tolist())) / count for a, b in pairs]
            table.add(
                precision=precision,
                error_of_the_encoding=largest(start.visual, reference["z_obs_visual"]),
                error_of_the_rollout=largest(rolled, reference["rollout_visual"]),
                error_of_the_costs=largest(costs, losses),
                elites_in_common=sum(common) / len(common),
            )


def largest(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.cpu() - expected.cpu()).abs().max())
