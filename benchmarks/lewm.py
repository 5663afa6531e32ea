"""Benchmark of LeWM rollouts: upstream's computation and ours, side by side in one run.

With random weights the table is also written into benchmarks/results.

The paper's sizes: ViT-tiny/14, a predictor 192 wide with 6 layers, 16 heads and 2048 hidden
features, history 3, horizon 5. Upstream's rule is ``rollout`` of ``jepa.py`` in lucas-maes/le-wm,
restated with the layers as they are: it embeds all actions and predicts the whole window anew in
each step. FLOP are those of matrix products, as executed, counted without computing them; both
sides are timed in turns on the same candidates, and the ratio is that of the sums of CPU times (on
a GPU, of wall times).
"""

from __future__ import annotations

import argparse
import datetime
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from benchmark_parsers import make_benchmark_parser
from dino_wm import cpu_name, table
from torch import Tensor

from wm_planner.cli.arguments import positive
from wm_planner.diagnosis.cost import cost_of, seconds
from wm_planner.ending import explained
from wm_planner.models.device import resolve_device
from wm_planner.models.lewm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    ObjectiveSpec,
    Statistics,
    Training,
    WeightsFile,
)

HORIZON, ROUNDS = 5, 5
BUDGETS = ((64, 5), (128, 5), (300, 5), (300, 30))
VARIANTS: dict[str, dict[str, Any]] = {
    "ours, float32": {},
    "ours, bfloat16": {"precision": "bfloat16"},
    "ours, float32, rolling cache": {"approximation": "rolling_cache"},
}
PAPER = Architecture(
    encoder=EncoderArchitecture(width=192, depth=12, heads=3, mlp_dim=768, patch=14, grid=16),
    predictor=PredictorArchitecture(
        depth=6, heads=16, dim_head=64, mlp_dim=2048, width=192, frames=3
    ),
    latent=192,
    projector_dim=2048,
    pred_proj_dim=2048,
    predicted=192,
    action_emb_dim=192,
    smoothed_dim=10,
    action_mlp_dim=768,
)


def paper_spec() -> ModelSpec:
    """Return a spec with two numbers per action and a frameskip of 5, as for PushT."""
    return ModelSpec(
        name="random weights",
        family="lewm",
        weights=WeightsFile(sha256=""),
        image=ImageSpec(size=224, fit="keep", normalize_first=True),
        action=ActionSpec(["ax", "ay"], ["m", "m"], "world"),
        statistics=Statistics(Moments([0.0] * 2, [1.0] * 2)),
        training=Training(-1, -1, -1),
        control_rate=10.0,
        num_hist=3,
        frameskip=5,
        objective=ObjectiveSpec(reduction="sum"),
        architecture=PAPER.to_dict(),
    )


def made(directory: str | None, device: torch.device, **options: Any) -> LewmWorldModel:
    if directory is not None:
        model = load(directory, device, allow_unverified_statistics=True, **options)
        if not isinstance(model, LewmWorldModel):
            raise SystemExit(f"lewm: {directory} is no model of the family lewm")
        return model
    torch.manual_seed(0)
    model = LewmWorldModel(paper_spec(), None, device, **options)
    for block in model.networks.predictor.transformer.layers:
        torch.nn.init.normal_(block.adaLN_modulation[1].weight, std=0.02)
    model.use(options.get("precision", "float32"), options.get("compute", "eager"))
    return model


def upstream(model: LewmWorldModel, start: Tensor, actions: Tensor) -> Tensor:
    """Predict (S, 1 + H, latent) from latents (1, latent) and actions (S, H, A)."""
    networks, window = model.networks, model.spec.num_hist
    found = start.expand(len(actions), 1, -1)
    for step in range(1, actions.shape[1] + 1):
        embedded = networks.action_encoder(actions[:, :step])
        predicted = networks.predictor.predict(found[:, -window:], embedded[:, -window:])
        latents = networks.pred_proj(predicted)[:, -1:]
        found = torch.cat([found, latents], dim=1)
    return found


@dataclass
class Sides:
    """The models of one run, and one problem."""

    models: dict[str, LewmWorldModel]
    start: Tensor
    goal: Tensor

    def costs(self, name: str, actions: Tensor) -> Tensor:
        """Return the costs (S,) of candidates (S, H, A)."""
        if name == "upstream's, float32":
            plain = self.models["ours, float32"]
            ends = upstream(plain, self.start, actions)[:, -1]
            return (ends - self.goal).square().sum(dim=-1)
        model, latents = self.models[name], [x[:, None, None] for x in (self.start, self.goal)]
        rollout = model.rollout(Latent(latents[0]), actions[None])
        return model.distance(rollout, Latent(latents[1]))[0]


def timed(sides: Sides, samples: int, iterations: int) -> list[list[str]]:
    """Time ``iterations`` calls of each side in turns; return rows of the table."""
    device, width = sides.start.device, next(iter(sides.models.values())).spec.model_action_dim
    generator = torch.Generator().manual_seed(1)
    draws = torch.randn(iterations, samples, HORIZON, width, generator=generator).to(device)
    names = ["upstream's, float32", *sides.models]
    wall, busy = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    costs: dict[str, Tensor] = {}
    with torch.inference_mode():
        for name in names:
            costs[name] = torch.stack([sides.costs(name, some) for some in draws]).cpu()
        for _ in range(ROUNDS):
            for name in names:
                cpu = time.process_time()
                wall[name] += seconds(
                    lambda name=name: [sides.costs(name, some) for some in draws], device
                )
                busy[name] += time.process_time() - cpu
    base, count = costs[names[0]], max(2, samples // 10)
    spent = wall if device.type == "cuda" else busy
    rows = []
    for name in names:
        best = [costs[n].argsort(dim=1)[:, :count] for n in (name, names[0])]
        common = [len(set(a.tolist()) & set(b.tolist())) for a, b in zip(*best, strict=True)]
        rows.append([
            f"{samples}x{iterations}", name, f"{wall[name] / ROUNDS:.3f}",
            f"{spent[names[0]] / spent[name]:.2f}",
            f"{float(((costs[name] - base).abs() / base.abs()).max()):.1e}",
            f"{sum(common) / len(common) / count:.1%}",
        ])  # fmt: skip
        print(" | ".join(rows[-1]), flush=True)
    return rows


def counted(sides: Sides) -> list[list[str]]:
    """Count the FLOP of whole plans, and memory and operations of an iteration, uncomputed."""
    plain, rows = sides.models["ours, float32"], []
    device, width = plain.device, plain.spec.model_action_dim
    for samples, iterations in BUDGETS:
        row = [f"{samples}x{iterations}"]
        actions = torch.randn(samples, HORIZON, width, device=device)
        for name in ("upstream's, float32", "ours, float32", "ours, float32, rolling cache"):
            once = cost_of(partial(sides.costs, name, actions))
            row += [f"{iterations * once.flop / 1e12:.3f}", f"{once.peak / 2**20:.0f}"]
            row += [f"{once.operations}"]
        rows.append(row)
        print(" | ".join(row), flush=True)
    return rows


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("lewm", __doc__, "--threads 1", "--model my_model --device cpu")
    add = parser.add_argument
    add("--model", metavar="DIR", help="directory of a lewm model (random weights)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:1 (%(default)s)")
    add("--threads", type=positive, metavar="N", help="CPU threads of torch (torch's own number)")
    add(
        "--date", default=datetime.date.today().isoformat(),
        help="date of the report and its file (today)",
    )  # fmt: skip
    return parser


@explained("lewm")
def main() -> None:
    arguments = make_parser().parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = resolve_device(arguments.device)
    models = {n: made(arguments.model, device, **options) for n, options in VARIANTS.items()}
    latent = models["ours, float32"].spec.architecture["latent"]
    start, goal = torch.randn(2, 1, latent, generator=torch.Generator().manual_seed(2)).to(device)
    sides = Sides(models, start, goal)
    rows = [row for budget in BUDGETS[: None if device.type == "cuda" else 1]
            for row in timed(sides, *budget)]  # fmt: skip
    counts = counted(sides)
    name = torch.cuda.get_device_name() if device.type == "cuda" else cpu_name()
    text = "\n".join([
        f"# LeWM benchmark, {arguments.date}", "",
        f"Command: `python {' '.join(sys.argv)}`; model: {models['ours, float32'].spec.name}; "
        f"{name}, torch {torch.__version__}.", "",
        table("Costs of the candidates of one plan, image and goal encoded", (
            "samples x iterations", "computation", "wall time [s]", "times upstream's speed",
            "largest difference of a cost, relative", "tenth of the best in common",
        ), rows),
        table("FLOP of whole plans, memory and operations of an iteration, counted", (
            "samples x iterations", "upstream's [TFLOP]", "[MiB]", "operations", "ours [TFLOP]",
            "[MiB]", "operations", "rolling cache [TFLOP]", "[MiB]", "operations",
        ), counts),
    ])  # fmt: skip
    if arguments.model is None:
        results = Path(__file__).parent / "results"
        (results / f"lewm-{arguments.date}-{device.type}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
