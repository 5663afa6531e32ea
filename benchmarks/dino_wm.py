"""Benchmark of DINO-WM rollouts: upstream's computation and ours, side by side in one run.

    python benchmarks/dino_wm.py                a GPU: the whole table; the CPU: a few candidates
    python benchmarks/dino_wm.py --full         the whole table on the CPU too (hours)
    python benchmarks/dino_wm.py --model DIR    a converted model instead of random weights

A paper-size model: ViT-S/14, a predictor 404 wide with 6 layers, 16 heads and 2048 hidden features,
196 patches, history 3, horizon 5; the planner is DINO-WM's CEM with equal draws. FLOP are those of
matrix products, as executed; peak memory is that of the tensors held at once, weights left out. On
the CPU, speed and FLOP/s are those of the CPU time over the threads, which other programs change
little.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from dino_wm_upstream import Upstream
from torch import Tensor

from wm_planner.diagnosis.cost import Cost, cost_of, matmul_rate, seconds
from wm_planner.models.dino_wm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.loading import load, resolve_device
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    ProprioSpec,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.planning import make_planner
from wm_planner.planning.captured import CapturedCost

ROOT = Path(__file__).resolve().parents[1]
HORIZON = 5
BUDGETS = ((64, 5), (128, 5), (128, 10), (300, 10), (300, 30))
FEW = (6, 2)
"""Samples and iterations on a CPU."""
VARIANTS: dict[str, dict[str, str]] = {
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16"},
    "float32, rolling cache": {"approximation": "rolling_cache"},
}
HEAD = (
    "samples x iterations",
    "computation",
    "time [s]",
    "CPU time [s]",
    "times upstream's speed",
    "TFLOP",
    "TFLOP/s",
    "of peak",
    "peak memory [GiB]",
    "largest difference of a cost, relative",
    "elites in common",
    "rank correlation",
)


def paper_spec() -> ModelSpec:
    """The paper's sizes, with an action of two numbers and a frameskip of 5."""
    architecture = Architecture(
        EncoderArchitecture("dinov2_vits14", "x_norm_patchtokens", width=384, depth=12, heads=6),
        PredictorArchitecture(6, 16, 64, 2048, width=404, tokens=196, frames=3),
        None,
        concat_dim=1,
        action_emb_dim=10,
        num_action_repeat=1,
        proprio_emb_dim=10,
        num_proprio_repeat=1,
    )
    return ModelSpec(
        name="paper size, random weights",
        family="dino_wm",
        weights=WeightsFile(sha256=""),
        image=ImageSpec(size=224),
        action=ActionSpec(["ax", "ay"], ["m", "m"], "world"),
        statistics=Statistics(Moments([0.0] * 2, [1.0] * 2), Moments([0.0] * 4, [1.0] * 4)),
        training=Training(0, 100, 0),
        control_rate=10.0,
        num_hist=3,
        frameskip=5,
        proprio=ProprioSpec(["x", "y", "vx", "vy"], ["m", "m", "m/s", "m/s"]),
        architecture=architecture.to_dict(),
    )


class Models:
    """The same model under different options."""

    def __init__(self, directory: str | None, device: torch.device) -> None:
        self.directory, self.device = directory, device
        self.made: dict[frozenset[tuple[str, object]], DinoWorldModel] = {}
        self.spec = self.make().spec

    def make(self, **options: object) -> DinoWorldModel:
        key = frozenset(options.items())
        if key not in self.made:
            self.made[key] = self._make(**options)
        return self.made[key]

    def _make(self, **options: object) -> DinoWorldModel:
        if self.directory is not None:
            model = load(self.directory, self.device, allow_unverified_statistics=True, **options)
            assert isinstance(model, DinoWorldModel), "only models of the family dino_wm"
            return model
        torch.manual_seed(0)
        return DinoWorldModel(paper_spec(), None, self.device, **options)

    def cost(self, samples: int, iterations: int, upstream: bool, **options: object) -> Cost:
        """FLOP of one plan, but for the two images that ours encodes, and peak memory."""
        model = self.make(**options)
        sizes, width, device = model.architecture, self.spec.model_action_dim, self.device
        if upstream:
            side, states = self.spec.image.size, len(self.spec.proprio.names) or 1
            rule = Upstream(model)
            once = cost_of(
                lambda: rule.rollout(
                    torch.randn(samples, 3, side, side, device=device),
                    torch.randn(samples, states, device=device),
                    torch.randn(samples, HORIZON, width, device=device),
                )
            )
        else:
            once = cost_of(
                lambda: model.rollout(
                    Latent(
                        torch.randn(1, 1, sizes.encoder.tokens, sizes.encoder.width, device=device),
                        torch.randn(1, 1, sizes.proprio_emb_dim, device=device),
                    ),
                    torch.randn(1, samples, HORIZON, width, device=device),
                )
            )
        return Cost(iterations * once.flop, once.peak)


@dataclass
class Scene:
    """An image and a goal, raw, with their proprio."""

    now: ObservationBatch
    goal: ObservationBatch

    @classmethod
    def random(cls, spec: ModelSpec, device: torch.device) -> Scene:
        def observe(seed: int) -> ObservationBatch:
            generator = torch.Generator().manual_seed(seed)
            side, names = spec.image.size, spec.proprio.names
            coarse = torch.rand(1, 3, 8, 8, generator=generator)
            smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bicubic")
            pixels = (255 * smooth.clamp(0, 1)).to(torch.uint8).permute(0, 2, 3, 1)
            state = torch.randn(1, 1, len(names), generator=generator) if names else None
            return ObservationBatch(
                pixels[:, None].to(device), None if state is None else state.to(device)
            )

        return cls(observe(1), observe(2))

    def for_upstream(self, model: DinoWorldModel) -> list[tuple[Tensor, Tensor]]:
        """Normalized images (1, 3, side, side) and proprio (1, P): now, and the goal."""
        pairs = []
        for seen in (self.now, self.goal):
            pixels = seen.images[:, 0].permute(0, 3, 1, 2) / 255.0
            mean, std = (
                torch.tensor(v, device=pixels.device).view(3, 1, 1)
                for v in (model.spec.image.mean, model.spec.image.std)
            )
            state = model._normalized_proprio(seen.proprio, 1, 1)[:, 0]
            pairs.append(((pixels - mean) / std, state))
        return pairs


@dataclass
class Run:
    """One plan: its times, and candidates (S, H, A) with costs (S,) of each iteration."""

    wall: float
    cpu: float
    trace: list[tuple[Tensor, Tensor]]
    peak: int | None


def timed(call: object, device: torch.device) -> tuple[float, float, int | None]:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    cpu = time.process_time()
    wall = seconds(call, device)
    cpu = time.process_time() - cpu
    peak = torch.cuda.max_memory_allocated() - before if device.type == "cuda" else None
    return wall, cpu, peak


def run_upstream(model: DinoWorldModel, scene: Scene, samples: int, iterations: int) -> Run:
    rule, (now, goal) = Upstream(model), scene.for_upstream(model)
    sizes = {"samples": samples, "iterations": iterations, "elites": elites(samples)}
    wall, cpu, peak = timed(
        lambda: rule.plan(now, goal, **sizes, horizon=HORIZON, seed=0), model.device
    )
    return Run(wall, cpu, rule.trace, peak)


def run_ours(model: DinoWorldModel, scene: Scene, samples: int, iterations: int) -> Run:
    planner = make_planner(
        "dino_wm",
        action_dim=model.spec.model_action_dim,
        horizon=HORIZON,
        seed=0,
        device=model.device,
        num_samples=samples,
        iterations=iterations,
        num_elites=elites(samples),
    )
    trace: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        latent, goal = model.encode(scene.now), model.encode(scene.goal)
        captured = CapturedCost(lambda a: model.distance(model.rollout(latent, a), goal))

        def cost(actions: Tensor) -> Tensor:
            costs = captured(actions)
            if actions.shape[1] == samples:
                trace.append((actions[0].clone(), costs[0].clone()))
            return costs

        if model.device.type == "cuda":  # captures the graphs of all candidates, and of the mean
            planner.plan(cost)
            planner.reset()
            trace.clear()

        def plan() -> None:
            for part, fresh in (
                (latent, model.encode(scene.now)),
                (goal, model.encode(scene.goal)),
            ):
                part.visual.copy_(fresh.visual)
                part.proprio.copy_(fresh.proprio)
            planner.plan(cost)

        wall, cpu, peak = timed(plan, model.device)
    return Run(wall, cpu, trace, peak)


def run_again(model: DinoWorldModel, scene: Scene, candidates: list[Tensor]) -> Run:
    """Costs of the same candidates, so that rankings can be compared one by one."""
    trace: list[tuple[Tensor, Tensor]] = []
    with torch.inference_mode():
        latent, goal = model.encode(scene.now), model.encode(scene.goal)
        cost = CapturedCost(lambda a: model.distance(model.rollout(latent, a), goal))
        if model.device.type == "cuda":
            cost(candidates[0][None])

        def every() -> None:
            trace.extend((some, cost(some[None])[0].clone()) for some in candidates)

        wall, cpu, peak = timed(every, model.device)
    return Run(wall, cpu, trace, peak)


def elites(samples: int) -> int:
    return max(2, samples // 4 if samples < 64 else samples // 10)


def agreement(run: Run, other: Run, count: int) -> tuple[float, float, float]:
    """Largest relative difference of a cost, share of equal elites, rank correlation."""
    largest, common, correlation = 0.0, [], []
    for (_, a), (_, b) in zip(run.trace, other.trace, strict=True):
        largest = max(largest, float(((a - b).abs() / b.abs()).max()))
        best = [set(costs.argsort()[:count].tolist()) for costs in (a, b)]
        common.append(len(best[0] & best[1]) / count)
        ranks = torch.stack([costs.argsort().argsort().float() for costs in (a, b)])
        correlation.append(float(torch.corrcoef(ranks)[0, 1]))
    return largest, sum(common) / len(common), sum(correlation) / len(correlation)


def measured(models: Models, samples: int, iterations: int) -> list[list[str]]:
    """Rows of one budget."""
    peaks = {
        name: matmul_rate(models.device, dtype)
        for name, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16))
    }
    scene, count = Scene.random(models.spec, models.device), elites(samples)
    plain = models.make()
    reference = run_upstream(plain, scene, samples, iterations)
    run = run_ours(plain, scene, samples, iterations)
    rows = []

    def add(name: str, run: Run, options: dict[str, str], against: Run | None) -> None:
        cost = models.cost(samples, iterations, upstream=run is reference, **options)
        peak = peaks["bfloat16" if "float16" in options.get("precision", "") else "float32"]
        duration, upstreams = run.wall, reference.wall
        if models.device.type == "cpu":  # whatever else runs there
            threads = torch.get_num_threads()
            duration, upstreams = run.cpu / threads, reference.cpu / threads
        rate = cost.flop / duration
        compared = ["", "", ""]
        if against is not None:
            largest, common, correlation = agreement(run, against, count)
            compared = [f"{largest:.1e}", f"{common:.1%}", f"{correlation:.4f}"]
        rows.append([
            f"{samples}x{iterations}", name, f"{run.wall:.3f}", f"{run.cpu:.3f}",
            f"{upstreams / duration:.2f}",
            f"{cost.flop / 1e12:.2f}", f"{rate / 1e12:.3f}", f"{rate / peak:.0%}",
            f"{(run.peak or cost.peak) / 2**30:.2f}", *compared,
        ])  # fmt: skip
        print(" | ".join(rows[-1]), flush=True)

    add("upstream's, float32", reference, {}, None)
    add("ours, float32 (against upstream's)", run, {}, reference)
    for name, options in VARIANTS.items():
        if models.device.type == "cpu" and options.get("precision") == "float16":
            continue  # emulated there
        again = run_again(models.make(**options), scene, [a for a, _ in run.trace])
        add(f"ours, {name} (against our float32)", again, options, run)
    return rows


def counted(models: Models) -> list[list[str]]:
    """FLOP of whole plans, counted without computing them; ours as on a GPU but for padding."""
    rows = []
    at_once = {"pad_to": 1, "candidates": 150}
    ways = {
        "upstream": {"upstream": True},
        "ours": {"upstream": False, **at_once},
        "rolling": {"upstream": False, "approximation": "rolling_cache", **at_once},
        "half": {"upstream": False, "precision": "bfloat16", **at_once},
    }
    once = {
        samples: [models.cost(samples, 1, **way) for way in ways.values()]
        for samples in {samples for samples, _ in BUDGETS}
    }
    for samples, iterations in BUDGETS:
        upstream, ours, rolling, half = once[samples]
        flop = [f"{iterations * c.flop / 1e12:.1f}" for c in (upstream, ours, rolling)]
        memory = [f"{c.peak / 2**30:.2f}" for c in (upstream, ours, half)]
        rows.append([f"{samples}x{iterations}", *flop, *memory])
        print(" | ".join(rows[-1]), flush=True)
    return rows


def table(title: str, head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if platform.system() == "Linux" else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return (
        f"{names[0] if names else platform.machine()}, {len(os.sched_getaffinity(0))} CPUs, "
        f"{torch.get_num_threads()} threads, load average {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="all budgets on the CPU too")
    parser.add_argument("--model", help="directory of a dino_wm model; default: random weights")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--budget", type=int, nargs=2, metavar=("SAMPLES", "ITERATIONS"))
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = resolve_device(arguments.device)
    models = Models(arguments.model, device)
    chosen = BUDGETS if arguments.full or device.type == "cuda" else (FEW,)
    if arguments.budget:
        chosen = (tuple(arguments.budget),)
    name = torch.cuda.get_device_name() if device.type == "cuda" else cpu_name()
    rates = {str(t).split(".")[1]: matmul_rate(device, t) for t in (torch.float32, torch.bfloat16)}
    begin = time.monotonic()
    rows = [row for b in chosen for row in measured(models, *b)]
    counts = counted(models)
    text = "\n".join([
        f"# DINO-WM benchmark, {arguments.date}", "",
        f"Command: `python {' '.join(sys.argv)}`; model: {models.spec.name}; {name}, torch "
        f"{torch.__version__}; matmul peak measured: "
        + ", ".join(f"{k} {v / 1e12:.3f} TFLOP/s" for k, v in rates.items())
        + f"; {time.monotonic() - begin:.0f} s.", "",
        table("One plan", HEAD, rows),
        table("FLOP of whole plans, counted without computing them", (
            "samples x iterations", "upstream's [TFLOP]", "ours [TFLOP]", "rolling cache [TFLOP]",
            "upstream's peak memory [GiB]",
            "ours [GiB]", "ours, bfloat16 [GiB]",
        ), counts),
    ])  # fmt: skip
    target = ROOT / "benchmarks" / "results" / f"dino_wm-{arguments.date}-{device.type}.md"
    if arguments.model is None and not arguments.budget:
        target.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
