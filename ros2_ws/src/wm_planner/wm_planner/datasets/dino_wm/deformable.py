"""Rope and granular: upstream's ``datasets/deformable_env_dset.py``."""

from __future__ import annotations

from pathlib import Path

import torch

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.options import Options
from wm_planner.datasets.dino_wm.split import SEED, random_parts, random_split
from wm_planner.datasets.episode_images import ImageFiles
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.rule import Rule
from wm_planner.datasets.stacked_arrays import check_stacked
from wm_planner.datasets.tensor_files import load_tensor

RULE = Rule("mean and std (ddof 1) + 1e-6 in float32 over all rows, before the split", 1e-6)


def read(directory: Path, options: Options) -> Dataset:
    """Read ``actions.pth`` and ``states.pth`` (N, T, particles, 4); the proprio is one zero.

    Raises:
        DatasetError: The files are missing, damaged or do not fit each other.
    """
    if options.object_name and (directory / options.object_name).is_dir():
        directory = directory / options.object_name
    files = [directory / f"{name}.pth" for name in ("actions", "states")]
    scale = options.action_scale or 1.0
    actions, particles = load_tensor(files[0]).float() / scale, load_tensor(files[1]).float()
    if particles.ndim != 4:
        raise DatasetError(
            f"{files[1]} is {tuple(particles.shape)}, not (episodes, steps, particles, 4): name "
            "the directory of the object (rope, granular)"
        )
    states = particles.flatten(2)
    lengths = check_stacked(directory, actions, states, None)
    parts, words = random_parts(len(lengths), options)
    return Dataset(
        kind="deformable",
        directory=directory,
        rows={
            "action": actions.unbind(0),
            "proprio": torch.zeros(*states.shape[:2], 1).unbind(0),
            "state": states.unbind(0),
        },
        lengths=lengths,
        parts=parts,
        training_part="all",
        rule=RULE,
        normalize_action=options.normalize_action,
        action_scale=scale,
        split_rule=words,
        split_seed=SEED,
        split=random_split,
        number_files=files,
        images=ImageFiles(lambda index: directory / f"{index:06d}" / "obses.pth"),
    )
