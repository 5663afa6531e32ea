"""Trains a small LeWM on the simulator's recordings, and writes it as LeWM's own code does.

``python -m wm_planner_sim.training.lewm OUTPUT`` writes ``config.json``, ``weights.pt`` and the
data set (``data.h5``, the columns of stable-worldmodel); ``wm-planner convert`` makes a model of
them. The loss is that of LeWM (arXiv 2603.19312): the error of the next latent, and SIGReg
(Balestriero and LeCun, "LeJEPA", arXiv 2511.08544), which keeps the latents from collapsing. No
label is used.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from wm_planner.cli.arguments import positive, whole_number
from wm_planner.cli.json_text import json_text
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.ending import explained
from wm_planner.files.whole import whole_file
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner.models.lewm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.lewm.networks import Networks
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.progress import Progress, silent
from wm_planner_sim.evaluation.workers import process_count
from wm_planner_sim.simulator import franka, seeds
from wm_planner_sim.simulator.actions import STEP_DURATION
from wm_planner_sim.simulator.tasks import DEFAULT_TASK
from wm_planner_sim.training import collect
from wm_planner_sim.training.collect import Dataset
from wm_planner_sim.training.recipes import RECIPES
from wm_planner_sim.training.train import vary

RECIPE = RECIPES[DEFAULT_TASK]
"""Its data: those of the embedded model of the same task."""
IMAGE_SIZE, PATCH = 72, 8
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""ImageNet's, with which LeWM normalizes images."""
WINDOW = 3
"""Frames that the predictor sees (``history_size``)."""
REGULARIZATION, DIRECTIONS, KNOTS = 0.09, 256, 17
"""Weight of SIGReg; random directions (LeWM takes 1024); points of its integral."""
ARCHITECTURE = Architecture(
    encoder=EncoderArchitecture(
        width=96, depth=4, heads=3, mlp_dim=384, patch=PATCH, grid=IMAGE_SIZE // PATCH
    ),
    predictor=PredictorArchitecture(
        depth=3, heads=4, dim_head=32, mlp_dim=384, width=96, frames=WINDOW
    ),
    latent=96,
    projector_dim=384,
    pred_proj_dim=384,
    predicted=96,
    action_emb_dim=96,
    smoothed_dim=10,
    action_mlp_dim=384,
)


@dataclass(frozen=True)
class Schedule:
    """Length of a training.

    Attributes:
        steps: Gradient steps.
        batch: Windows of ``WINDOW`` + 1 frames per step.
        rate: Peak learning rate of the one-cycle schedule.
    """

    steps: int = 4000
    batch: int = 32
    rate: float = 1e-3


def describe(data: Dataset) -> ModelSpec:
    """Return the spec of the networks, with the statistics of the actions."""
    actions = data.actions.reshape(-1, 3).astype(np.float64)
    return ModelSpec(
        name="lewm_reach",
        family="lewm",
        weights=WeightsFile(sha256=""),
        image=ImageSpec(IMAGE_SIZE, mean=MEAN, std=STD, fit="keep", normalize_first=True),
        action=ActionSpec(["dx", "dy", "dz"], ["m"] * 3, franka.BASE_FRAME),
        statistics=Statistics(Moments(actions.mean(0).tolist(), actions.std(0).tolist())),
        training=Training(-1, -1, -1),
        control_rate=1.0 / STEP_DURATION,
        num_hist=WINDOW,
        architecture=ARCHITECTURE.to_dict(),
    )


def initialize(networks: Networks) -> None:
    """Draw the weights as LeWM's code does: small embeddings, closed gates."""
    for module in networks.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.LayerNorm, nn.BatchNorm1d)):
            module.reset_parameters()
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for table in (networks.encoder.cls_token, networks.encoder.pos_embed):
        nn.init.trunc_normal_(table, std=0.02)
    nn.init.normal_(networks.predictor.pos_embedding, std=0.02)
    for block in networks.predictor.transformer.layers:
        nn.init.zeros_(block.adaLN_modulation[1].weight)  # type: ignore[union-attr, index]


def sigreg(latents: Tensor, generator: torch.Generator) -> Tensor:
    """Measure how far latents (N, D) are from a standard normal distribution.

    The mean over random directions of the Epps-Pulley statistic: the weighted integral of the
    squared difference of characteristic functions.
    """
    directions = torch.randn(latents.shape[-1], DIRECTIONS, generator=generator)
    projected = latents @ functional.normalize(directions, dim=0)
    points = torch.linspace(0.0, 3.0, KNOTS)
    normal = torch.exp(-(points**2) / 2)
    angles = projected[..., None] * points  # (N, directions, knots)
    real = (angles.cos().mean(dim=0) - normal).square()
    difference = (real + angles.sin().mean(dim=0).square()) * normal
    return torch.trapezoid(difference, points).mean() * len(latents)


def train(
    model: LewmWorldModel, data: Dataset, seed: int, schedule: Schedule,
    progress: Progress = silent,
) -> float:  # fmt: skip
    """Train all networks together; return the mean loss of the last tenth of the steps."""
    torch.manual_seed(seed)
    networks = model.networks
    initialize(networks)
    networks.train().requires_grad_(True)
    images = torch.from_numpy(data.images)
    actions = torch.from_numpy(model.spec.normalize_actions(data.actions)).float()
    rng, generator = np.random.default_rng([seed, 20]), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(networks.parameters(), lr=schedule.rate, weight_decay=1e-3)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, schedule.rate, total_steps=schedule.steps, pct_start=0.1
    )
    tail = []
    with progress("training", schedule.steps) as done:
        for step in range(schedule.steps):
            episodes = rng.integers(0, len(images), schedule.batch)
            starts = rng.integers(0, actions.shape[1] - WINDOW + 1, schedule.batch)
            frames = starts[:, None] + np.arange(WINDOW + 1)
            value, error = loss(
                model,
                images[episodes[:, None], frames],
                actions[episodes[:, None], frames[:, :-1]],
                rng,
                generator,
            )
            optimizer.zero_grad(set_to_none=True)
            value.backward()
            nn.utils.clip_grad_norm_(networks.parameters(), 1.0)
            optimizer.step()
            cycle.step()
            if step >= int(0.9 * schedule.steps):
                tail.append(error)
            done()
    networks.eval().requires_grad_(False)
    return float(np.mean(tail))


def loss(
    model: LewmWorldModel,
    images: Tensor,
    actions: Tensor,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> tuple[Tensor, float]:
    """Return LeWM's loss, and the error of the prediction in it.

    Args:
        model: The model in training mode.
        images: uint8 (B, T + 1, S, S, 3), varied in brightness, tint and noise.
        actions: z-normalized (B, T, A).
        rng: Draws the variations.
        generator: Draws the directions of SIGReg.
    """
    networks, batch = model.networks, len(images)
    inputs = vary(model._preprocess(images).flatten(0, 1), rng)
    latents = networks.projector(networks.encoder(inputs)[:, 0]).unflatten(0, (batch, -1))
    embedded = networks.action_encoder(actions)
    predicted = networks.pred_proj(networks.predictor.predict(latents[:, :-1], embedded))
    error = functional.mse_loss(predicted, latents[:, 1:])
    spread = torch.stack([sigreg(latents[:, t], generator) for t in range(latents.shape[1])]).mean()
    return error + REGULARIZATION * spread, float(error.item())


def upstream_names(networks: Networks) -> dict[str, Tensor]:
    """Return the weights under the names of LeWM's code with transformers 5."""
    found: dict[str, Tensor] = {}
    for name, tensor in networks.state_dict().items():
        if block := re.fullmatch(r"encoder\.blocks\.(\d+)\.(.*)\.(weight|bias)", name):
            number, part, kind = block.groups()
            names = {
                "attn.proj": "attention.o_proj",
                "mlp.fc1": "mlp.fc1",
                "mlp.fc2": "mlp.fc2",
                "norm1": "layernorm_before",
                "norm2": "layernorm_after",
            }
            before = f"encoder.layers.{number}"
            if part == "attn.qkv":
                for one, third in zip("qkv", tensor.chunk(3), strict=True):
                    found[f"{before}.attention.{one}_proj.{kind}"] = third.clone()
            else:
                found[f"{before}.{names[part]}.{kind}"] = tensor
            continue
        whole = {
            "encoder.cls_token": "encoder.embeddings.cls_token",
            "encoder.pos_embed": "encoder.embeddings.position_embeddings",
            "encoder.patch_embed.proj.weight": (
                "encoder.embeddings.patch_embeddings.projection.weight"
            ),
            "encoder.patch_embed.proj.bias": "encoder.embeddings.patch_embeddings.projection.bias",
            "encoder.norm.weight": "encoder.layernorm.weight",
            "encoder.norm.bias": "encoder.layernorm.bias",
        }
        found[whole.get(name, name)] = tensor
    return found


def configuration() -> dict[str, object]:
    """Return the ``config.json`` that LeWM's code writes beside such weights."""
    encoder, predictor = ARCHITECTURE.encoder, ARCHITECTURE.predictor
    place = "stable_worldmodel.wm.lewm"

    def projection(numbers: int, hidden: int) -> dict[str, object]:
        norm = {"_target_": "torch.nn.BatchNorm1d", "_partial_": True}
        return {
            "_target_": f"{place}.module.MLP", "input_dim": numbers, "hidden_dim": hidden,
            "output_dim": ARCHITECTURE.latent, "norm_fn": norm,
        }  # fmt: skip

    return {
        "_target_": f"{place}.LeWM",
        "encoder": {
            "_target_": "stable_pretraining.backbone.utils.vit_hf", "size": "tiny",
            "patch_size": encoder.patch, "image_size": IMAGE_SIZE, "pretrained": False,
            "use_mask_token": False, "hidden_size": encoder.width,
            "num_hidden_layers": encoder.depth, "num_attention_heads": encoder.heads,
            "intermediate_size": encoder.mlp_dim,
        },
        "predictor": {
            "_target_": f"{place}.module.Predictor", "num_frames": predictor.frames,
            "input_dim": ARCHITECTURE.latent, "hidden_dim": predictor.width,
            "output_dim": ARCHITECTURE.predicted, "depth": predictor.depth,
            "heads": predictor.heads, "mlp_dim": predictor.mlp_dim,
            "dim_head": predictor.dim_head, "dropout": 0.0, "emb_dropout": 0.0,
        },
        "action_encoder": {
            "_target_": f"{place}.module.Embedder", "input_dim": 3,
            "emb_dim": ARCHITECTURE.action_emb_dim,
        },
        "projector": projection(encoder.width, ARCHITECTURE.projector_dim),
        "pred_proj": projection(ARCHITECTURE.predicted, ARCHITECTURE.pred_proj_dim),
    }  # fmt: skip


def write_data(path: Path, data: Dataset) -> None:
    """Write the episodes as stable-worldmodel does: the last action of each is NaN."""
    count, length = data.images.shape[:2]
    nothing: NDArray[np.float32] = np.full((count, 1, 3), np.nan, np.float32)
    actions = np.concatenate([data.actions, nothing], axis=1).reshape(-1, 3)
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        file["action"] = actions
        file["pixels"] = data.images.reshape(-1, *data.images.shape[2:])
        file["ep_len"] = np.full(count, length, np.int32)
        file["ep_offset"] = np.arange(count, dtype=np.int64) * length


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner_sim.training.lewm",
        "Train a small LeWM on the simulator's recordings, and write config.json, "
        "weights.pt and data.h5 as LeWM's own code does; wm-planner convert makes a model of them.",
        "Exit code: 0 if the files were written, else 2; the message says why.",
        "my_lewm",
        "my_lewm --data reach.npz --steps 500 --threads 4",
    )
    add = parser.add_argument
    add("output", type=Path, metavar="DIR", help="directory to write")
    add(
        "--seed", type=whole_number(0, seeds.BLOCKS - 1), default=0, metavar="N",
        help="0 to 9; decides every random draw (%(default)s)",
    )  # fmt: skip
    add(
        "--episodes", type=whole_number(1, seeds.PER_RUN), default=RECIPE.episodes, metavar="N",
        help="episodes to collect (%(default)s)",
    )  # fmt: skip
    steps = Schedule.steps
    add("--steps", type=positive, default=steps, metavar="N", help="gradient steps (%(default)s)")
    add("--threads", type=process_count, default=1, metavar="N", help="of torch (%(default)s)")
    add("--data", type=Path, metavar="FILE", help="file that collect wrote")
    add_output_options(parser)
    return parser


@explained("lewm")
def main(arguments: list[str] | None = None) -> None:
    """Collect, train and write."""
    options = make_parser().parse_args(arguments)
    progress = shown_progress(options.quiet or options.json)
    torch.set_num_threads(options.threads)
    data = Dataset.read(options.data) if options.data else None
    options.output.mkdir(parents=True, exist_ok=True)
    if data is None:
        block = seeds.training_block(options.seed)[: options.episodes]
        data = collect.collect(DEFAULT_TASK, block, IMAGE_SIZE, RECIPE.steps, progress=progress)
    write_data(options.output / "data.h5", data)
    model = LewmWorldModel(describe(data), None)
    error = train(model, data, options.seed, Schedule(steps=options.steps), progress)
    torch.save(upstream_names(model.networks), options.output / "weights.pt")
    (options.output / "config.json").write_text(json_text(configuration()) + "\n")
    if options.json:
        found = {"directory": str(options.output), "prediction_error": error}
        print(json_text(found))
    else:
        print(f"{options.output}: error of the prediction {error:.4f}")


if __name__ == "__main__":
    main()
