"""Forecasts for families that are not there yet: the sizes of their networks, random weights.

LeWM (arXiv 2603.19312): an encoder of ViT-tiny, one latent vector a frame, and a predictor of six
conditioned layers over three frames; candidates share no work. V-JEPA 2-AC (arXiv 2506.09985): the
predictor alone, 24 layers of 1024 features over 258 tokens, one step. Neither computes anything
meaningful; operations, shapes and launches are those of the real ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from gpu.plans import median_seconds
from gpu.report import Table, arguments
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.models.dino_wm.architecture import PredictorArchitecture
from wm_planner.models.dino_wm.compute import DinoCompute
from wm_planner.models.dino_wm.predictor import Predictor
from wm_planner.models.dino_wm.rollout import DinoRollout
from wm_planner.planning import make_planner
from wm_planner.planning.captured import Captured

WIDTH, FRAMES, ACTION = 192, 3, 10


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, each: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * heads * each, bias=False)
        self.out = nn.Linear(heads * each, width)

    def forward(self, x: Tensor, causal: bool) -> Tensor:
        q, k, v = self.qkv(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        out: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return out


def mlp(width: int, hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
    )


class Conditioned(nn.Module):
    """A layer that the embedded action shifts, scales and gates."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.mlp = Attention(WIDTH, 16, 64), mlp(WIDTH, 2048)
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(WIDTH, 6 * WIDTH))
        self.norms = nn.ModuleList(
            nn.LayerNorm(WIDTH, eps=1e-6, elementwise_affine=False) for _ in range(2)
        )

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(condition).chunk(6, -1)
        x = x + gate_a * self.attention(self.norms[0](x) * (1 + scale_a) + shift_a, causal=True)
        return x + gate_m * self.mlp(self.norms[1](x) * (1 + scale_m) + shift_m)


class LeWMSize(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 14, 14)
        self.blocks = nn.ModuleList(
            nn.ModuleList([Attention(WIDTH, 3, 64), mlp(WIDTH, 768)]) for _ in range(12)
        )
        self.projector, self.predicted = (
            nn.Sequential(
                nn.Linear(WIDTH, 2048), nn.BatchNorm1d(2048), nn.GELU(), nn.Linear(2048, WIDTH)
            )
            for _ in range(2)
        )
        self.embed = nn.Sequential(
            nn.Linear(ACTION, 10), nn.Linear(10, 768), nn.SiLU(), nn.Linear(768, WIDTH)
        )
        self.positions = nn.Parameter(torch.randn(1, FRAMES, WIDTH))
        self.layers = nn.ModuleList(Conditioned() for _ in range(6))
        self.norm = nn.LayerNorm(WIDTH)

    def encode(self, image: Tensor) -> Tensor:
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = functional.pad(x, (0, 0, 1, 0))
        for attention, feed_forward in self.blocks:
            x = x + attention(x, causal=False)
            x = x + feed_forward(x)
        projected: Tensor = self.projector(x[:, 0])
        return projected

    def cost(self, latent: Tensor, goal: Tensor, actions: Tensor) -> Tensor:
        count, horizon = actions.shape[1:3]
        frames = [latent.expand(count, -1)]
        embedded = self.embed(actions[0])
        for step in range(horizon):
            first = max(0, step + 1 - FRAMES)
            x = torch.stack(frames[first:], dim=1)
            x = x + self.positions[:, : x.shape[1]]
            condition = embedded[:, first : step + 1]
            for layer in self.layers:
                x = layer(x, condition)
            frames.append(self.predicted(self.norm(x)[:, -1]))
        return (frames[-1] - goal).square().sum(dim=-1)[None]


def lewm(table: Table, device: torch.device, toy: bool) -> None:
    model = LeWMSize().to(device).eval().requires_grad_(False)
    for precision, compiled in (
        (torch.float32, False), (torch.float16, False), (torch.float16, True)
    ):  # fmt: skip
        cast = model.to(precision)
        image = torch.randn(1, 3, 224, 224, device=device, dtype=precision)
        for samples, iterations in ((4, 2),) if toy else ((64, 5), (300, 30)):
            way = f"CUDA graph{', compiled' if compiled else ''}"
            encode = torch.compile(cast.encode) if compiled else cast.encode
            cost_of = torch.compile(cast.cost) if compiled else cast.cost
            table.add(
                model="LeWM", budget=f"{samples}x{iterations}",
                precision=str(precision).partition(".")[2], way=way,
                **planned(encode, cost_of, image, samples, iterations),
            )  # fmt: skip


def planned(
    encode: Callable[[Tensor], Tensor],
    cost_of: Callable[[Tensor, Tensor, Tensor], Tensor],
    image: Tensor,
    samples: int,
    iterations: int,
) -> dict[str, float]:
    device = image.device
    captured = Captured(encode)  # any function of one tensor
    latent, goal = captured(image).clone(), encode(image.flip(-1))
    cost = Captured(lambda actions: cost_of(latent, goal, actions.to(image.dtype)).float())
    planner = make_planner(
        "dino_wm", action_dim=ACTION, horizon=5, device=device,
        num_samples=samples, iterations=iterations, num_elites=max(2, samples // 10),
    )  # fmt: skip

    def plan() -> None:
        latent.copy_(captured(image))
        planner.plan(cost)

    median_seconds(plan, device, 2)
    actions = torch.zeros(1, samples, 5, ACTION, device=device)
    return {
        "encoding": 1e3 * median_seconds(lambda: captured(image), device, 9),
        "plan": 1e3 * median_seconds(plan, device, 9),
        "iteration": 1e3 * median_seconds(lambda: cost(actions), device, 9),
    }


def vjepa(table: Table, device: torch.device, toy: bool) -> None:
    sizes = (2, 2, 64, 64, 128, 10, 2) if toy else (24, 16, 64, 4096, 1024, 258, 2)
    predictor = Predictor(PredictorArchitecture(*sizes)).to(device).requires_grad_(False)
    width, samples = sizes[4], 4 if toy else 128
    history = torch.randn(1, 1, sizes[5], width, device=device)
    actions = torch.randn(1, samples, 1, width, device=device)

    def iteration(precision: str, compute: str) -> float:
        rollout = DinoRollout(predictor, DinoCompute(precision, compute, candidates=32))

        def energy(some: Tensor) -> Tensor:
            last = rollout(history, some, lambda frames, action: frames + action[..., None, :])
            return last.square().mean(dim=(2, 3, 4))

        cost = Captured(energy)
        cost(actions)
        return median_seconds(lambda: cost(actions), device, 5)

    for precision, compute in (("tf32", "graphs"), ("float16", "graphs"), ("float16", "compiled")):
        seconds = iteration(precision, compute)
        table.add(
            model="V-JEPA 2-AC", budget=f"{samples}x5, one step", precision=precision,
            way=compute, plan=5e3 * seconds, iteration=1e3 * seconds,
        )  # fmt: skip


def main() -> None:
    given = arguments()
    table = Table(
        "forecast",
        ["model", "budget", "precision", "way", "encoding [ms]", "iteration [ms]", "plan [ms]"],
        given.out,
    )
    with torch.inference_mode():
        lewm(table, given.device, given.toy)
        vjepa(table, given.device, given.toy)
