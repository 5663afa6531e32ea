"""A forecast for V-JEPA 2-AC (arXiv 2506.09985), which has no family yet, with random weights.

The predictor alone, 24 layers of 1024 features over 258 tokens, one step. It computes nothing
meaningful; operations, shapes and launches are those of the real one.
"""

from __future__ import annotations

from dataclasses import asdict

import torch
from gpu.report import Table, arguments
from gpu.whole_plans import median_seconds
from torch import Tensor

from wm_planner.models.dino_wm.architecture import PredictorArchitecture
from wm_planner.models.dino_wm.compute import DinoCompute
from wm_planner.models.dino_wm.predictor import Predictor
from wm_planner.models.dino_wm.rollout import DinoRollout
from wm_planner.models.shared.compute import in_a_graph
from wm_planner.worker.trials import Way

WAYS = (Way("float16", "compiled"), Way("float16", "graphs"), Way("tf32", "graphs"))
ITERATIONS = 5


def main() -> None:
    given = arguments()
    sizes = (2, 2, 64, 64, 128, 10, 2) if given.toy else (24, 16, 64, 4096, 1024, 258, 2)
    predictor = Predictor(PredictorArchitecture(*sizes)).to(given.device).requires_grad_(False)
    width, samples = sizes[4], 4 if given.toy else 128
    history = torch.randn(1, 1, sizes[5], width, device=given.device)
    actions = torch.randn(1, samples, 1, width, device=given.device)
    table = Table(
        "forecast", ["model", "budget", "computation", "iteration [ms]", "plan [ms]"], given.out
    )

    def seconds(way: Way) -> float:
        compute = DinoCompute(**asdict(way), candidates=32)
        rollout = DinoRollout(predictor, compute)

        def energy(some: Tensor) -> Tensor:
            last = rollout(history, some, lambda frames, action: frames + action[..., None, :])
            return last.square().mean(dim=(2, 3, 4))

        cost = in_a_graph(energy, compute)
        cost(actions)
        return median_seconds(lambda: cost(actions), given.device, 5)

    with torch.inference_mode():
        for way in WAYS:
            iteration = 1e3 * seconds(way)
            table.add(
                model="V-JEPA 2-AC", budget=f"{samples}x{ITERATIONS}, one step",
                computation=str(way), iteration=iteration, plan=ITERATIONS * iteration,
            )  # fmt: skip
