"""Makes the embedded model of a task: collect, train, calibrate, evaluate, export.

``python -m wm_planner_sim.training.make_model --output DIR`` writes ``model.yaml``, the weights
that it names, and ``evaluation.json``. ``--seed`` decides every random draw; the model
card says what is reproducible across machines.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wm_planner.cli.json_text import json_text
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.ending import explained
from wm_planner.files.whole import write_whole
from wm_planner.models import write_model
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.latent.model import WEIGHTS as DISTANCE_WEIGHTS
from wm_planner.models.spec import (
    ActionSpec,
    Calibration,
    CommandMapping,
    ImageSpec,
    License,
    ModelSpec,
    Moments,
    ObjectiveSpec,
    Provenance,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.models.spec.action import HOLD
from wm_planner.progress import Progress, silent
from wm_planner_sim.evaluation.figures import summary
from wm_planner_sim.evaluation.in_process import POLICIES, Setup, evaluate
from wm_planner_sim.simulator import franka, seeds
from wm_planner_sim.simulator.actions import AXES, STEP_DURATION
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import find_task
from wm_planner_sim.training import collect, train
from wm_planner_sim.training.calibration import calibrate, tolerance
from wm_planner_sim.training.collect import Dataset
from wm_planner_sim.training.make_model_parser import MODELS, make_parser
from wm_planner_sim.training.recipes import RECIPES, Recipe

IMAGE_SIZE = 72
"""Side of the images [pixels]. 72 crops 4:3 and 16:9 cameras symmetrically; 64 shifted them by half
a pixel, which moved the estimated hand by half a centimeter."""
CAMERA_ASPECT = 4 / 3
"""Width over height of the simulator's camera; the training images are its central square."""
DECODER_SIZE = 48
"""Side of the decoder's images [pixels]."""
WEIGHTS = "weights.safetensors"
THREADS = 1
"""Torch threads of the training. Another number rounds differently and gives other weights; one is
hardly slower for networks this small."""
UNIT = 0.1
"""Meters per unit of the latent, if the task gives no other."""
UNCALIBRATED = Calibration(noise_floor=0.0, typical_distance=1.0, tolerance=0.5)


def describe(task: str, data: Dataset, seed: int, recipe: Recipe) -> ModelSpec:
    """Return the spec of a model to be trained on ``data``, before weights and calibration."""
    acts = find_task(task)
    numbers = len(acts.actions.names)
    actions = data.actions.reshape(-1, numbers).astype(np.float64)
    positions = data.positions.reshape(-1, data.positions.shape[-1]).astype(np.float64)
    lower, upper = acts.actions.bounds
    channels = data.images.reshape(-1, 3)
    architecture: dict[str, Any] = {
        "latent_dim": positions.shape[-1],
        "decoder_size": DECODER_SIZE,
        **recipe.architecture,
    }
    if (weights := acts.label_weights()) is not None:
        architecture[DISTANCE_WEIGHTS] = weights
    return ModelSpec(
        name=f"franka_{task}",
        family="latent",
        weights=WeightsFile(sha256="", file=WEIGHTS),
        image=ImageSpec(
            size=IMAGE_SIZE,
            channel_mean=(channels.mean(0, dtype=np.float64) / 255).round(4).tolist(),
            channel_std=(channels.std(0, dtype=np.float64) / 255).round(4).tolist(),
            camera_aspect=CAMERA_ASPECT,
        ),
        action=ActionSpec(
            names=acts.actions.names,
            units=acts.actions.units,
            frame=franka.BASE_FRAME,
            lower=lower.tolist(),
            upper=upper.tolist(),
            command=CommandMapping(
                mode="relative",
                step_time=acts.step_time if acts.step_time != STEP_DURATION else 0.0,
                position=[name if name in acts.actions.axes else HOLD for name in AXES],
                gripper=acts.actions.gripper,
            ),
        ),
        statistics=Statistics(
            action=Moments(actions.mean(0).tolist(), actions.std(0).tolist()),
            state=Moments(
                positions.mean(0).tolist(), acts.label_scales() or [UNIT] * positions.shape[-1]
            ),
            provenance=Provenance(
                dataset=(
                    f"wm_planner_sim.training.collect --task {task} --seed {seed} "
                    f"--episodes {len(data.actions)}"
                ),
                dataset_sha256=data.digest(),
                split="train",
                split_seed=seed,
                episodes=len(data.actions),
                steps=len(actions),
                formula=(
                    "action: mean and standard deviation (ddof 0) over all steps; state: mean of "
                    "the labeled positions, and the latent's scale in m per unit, set by hand"
                ),
            ),
        ),
        calibration=UNCALIBRATED,
        license=License("Apache-2.0", source="this project's license"),
        training=Training(
            epoch=1,
            epochs=1,
            seed=seed,
            command_line=_command_line(task, seed),
        ),
        control_rate=1.0 / STEP_DURATION,
        objective=ObjectiveSpec(mode="mean"),
        architecture=architecture,
    )


def fit(
    spec: ModelSpec,
    data: Dataset,
    states: Dataset | None,
    seed: int,
    recipe: Recipe,
    progress: Progress = silent,
) -> LatentWorldModel:
    """Train all networks of ``spec`` on ``data``.

    Args:
        spec: From ``describe``.
        data: Episodes with images.
        states: Episodes from whose true states the predictor learns; None: it learns from the
            encoded images.
        seed: Seed of all draws.
        recipe: How.
        progress: Shows how far the job is.
    """
    torch.manual_seed(seed)
    model = LatentWorldModel(spec, None)
    train.train_encoder(model, data, seed, recipe.encoder, progress)
    latents = train.encode_all(model, data)
    if states is None:
        train.train_predictor(model, latents, data.actions, seed, recipe, progress)
    else:
        true = train.true_latents(model, states)
        train.train_predictor(model, true, states.actions, seed, recipe, progress)
    train.train_decoder(model, data, latents, seed, recipe.decoder, progress)
    return model


def episodes_to_learn_from(
    task: str, seed: int, recipe: Recipe, processes: int, stored: Path | None, progress: Progress
) -> tuple[Dataset, Dataset | None]:
    """Collect the episodes with images and, if the recipe wants them, those without."""
    block = seeds.training_block(seed)
    images, rest = block[: recipe.episodes], block[recipe.episodes :]
    if stored is None:
        data = collect.collect(task, images, IMAGE_SIZE, recipe.steps, processes, progress=progress)
    else:
        data = Dataset.read(stored)
        expected = (len(images), recipe.steps, len(find_task(task).actions.names))
        if data.actions.shape != expected or data.images.shape[2] != IMAGE_SIZE:
            raise ValueError(
                f"{stored} holds actions {data.actions.shape} and images of {data.images.shape[2]} "
                f"pixels; the recipe of {task} needs {expected} and {IMAGE_SIZE}"
            )
    if not recipe.state_episodes:
        return data, None
    chosen = rest[: recipe.state_episodes]
    return data, collect.collect(task, chosen, 0, recipe.state_steps, processes, progress=progress)


def make(
    task: str,
    directory: Path,
    seed: int,
    recipe: Recipe,
    goals: int,
    processes: int,
    stored: Path | None = None,
    progress: Progress = silent,
) -> dict[str, object]:
    """Make the model; return the report that is also written to ``evaluation.json``.

    Args:
        task: Name of the task.
        directory: Directory of the model.
        seed: 0 to 9; decides every random draw.
        recipe: How it is trained.
        goals: Number of goals per closed-loop evaluation.
        processes: Worker processes of collection and evaluation.
        stored: File that ``collect`` wrote for the same task and seed; None to collect now.
        progress: Shows how far the job is.
    """
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    begin = time.monotonic()
    _check_output(directory)  # before the training, not after it
    data, states = episodes_to_learn_from(task, seed, recipe, processes, stored, progress)
    collected = time.monotonic()
    model = fit(describe(task, data, seed, recipe), data, states, seed, recipe, progress)
    trained = time.monotonic()
    tensors = model.networks.state_dict()
    reached = recipe.tolerance
    if not reached:
        with tempfile.TemporaryDirectory() as folder:  # not in `directory` before it is calibrated
            uncalibrated = Path(folder) / "model"
            write_model(uncalibrated, model.spec, tensors)
            whole = Setup(task, model=uncalibrated, ends=False)
            runs = evaluate(whole, seeds.CALIBRATION[:goals], processes, progress=progress)
        reached = tolerance(runs, recipe.close)
    with progress("calibrating"), closing(Simulation(task=find_task(task))) as simulation:
        model.spec = replace(model.spec, calibration=calibrate(model, simulation, data, reached))
    write_model(directory, model.spec, tensors)
    calibrated = time.monotonic()
    chosen = seeds.EVALUATION[:goals]
    figures = {
        policy: summary(
            evaluate(Setup(task, policy, directory), chosen, processes, progress=progress)
        )
        for policy in POLICIES
    }
    report: dict[str, object] = {
        "command": f"{_command_line(task, seed)} --episodes {recipe.episodes} --goals {goals}",
        "machine": f"{os.cpu_count()} cores, torch {torch.__version__}, {THREADS} training thread",
        "dataset_sha256": data.digest(),
        "weights_sha256": model.spec.weights.sha256,
        "states_sha256": states.digest() if states else None,
        **figures,
        "seconds": {
            "collect": round(collected - begin) if stored is None else None,
            "train": round(trained - collected),
            "calibrate": round(calibrated - trained),
            "evaluate": round(time.monotonic() - calibrated),
        },
    }
    write_whole(directory / "evaluation.json", json_text(report) + "\n")
    return report


def _check_output(directory: Path) -> None:
    """Make the folders above the model's directory, and check that it can be written."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory if directory.exists() else directory.parent):
            pass
    except OSError as error:  # which names a folder that nobody asked for
        raise OSError(error.errno, error.strerror, str(directory)) from error


def _command_line(task: str, seed: int) -> str:
    return f"python -m wm_planner_sim.training.make_model --task {task} --seed {seed}"


@explained("train")
def main(arguments: list[str] | None = None) -> None:
    """Make the model and print its figures."""
    options = make_parser().parse_args(arguments)
    recipe = RECIPES[options.task]
    if options.episodes is not None:
        recipe = replace(recipe, episodes=options.episodes)
    directory = options.output or MODELS / f"franka_{options.task}"
    report = make(
        options.task,
        directory,
        options.seed,
        recipe,
        options.goals,
        options.processes,
        options.data,
        shown_progress(options.quiet or options.json),
    )
    print(json_text(report) if options.json else text(report, directory))


def text(report: Mapping[str, Any], directory: Path) -> str:
    """Return what a reader wants to know of the report."""
    lines = [
        f"{policy:<8} reached {report[policy]['successes']:>3} of {report[policy]['goals']} goals"
        for policy in POLICIES
    ]
    return "\n".join([*lines, f"{directory} is written, with all figures in evaluation.json"])


if __name__ == "__main__":
    main()
