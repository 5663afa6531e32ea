"""Write a model directory: the weights, and model.yaml with everything the planner must know.

Usage: python export.py DIRECTORY. The data here is made up and the network untrained; yours come
from your training.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
import torch
from lab_world_model import networks

from wm_planner.models import write_model
from wm_planner.models.spec import (
    ActionSpec,
    Calibration,
    CommandMapping,
    ImageSpec,
    ModelSpec,
    Moments,
    Provenance,
    Statistics,
    Training,
    WeightsFile,
)


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a model directory for the planner.")
    parser.add_argument("directory", type=Path, help="folder to write, such as /tmp/lab_reach")
    directory = parser.parse_args().directory
    actions = np.random.default_rng(0).normal(0, 0.02, (100, 40, 3))  # episodes, steps, x y z [m]
    spec = ModelSpec(
        name="lab_reach",
        family="lab",  # the entry point's name
        weights=WeightsFile(sha256=""),
        image=ImageSpec(size=128),
        action=ActionSpec(
            names=["dx", "dy", "dz"],
            units=["m", "m", "m"],
            frame="base",
            lower=[-0.05] * 3,
            upper=[0.05] * 3,
            command=CommandMapping(mode="relative", position=["dx", "dy", "dz"]),
        ),
        statistics=Statistics(
            action=Moments(actions.mean((0, 1)).tolist(), actions.std((0, 1)).tolist()),
            provenance=Provenance(
                dataset="made up, seed 0",
                dataset_sha256=hashlib.sha256(actions.tobytes()).hexdigest(),
                split="all",
                episodes=100,
                steps=4000,
                formula="mean and standard deviation (ddof 0) over all steps",
            ),
        ),
        # Measure yours: root of `distance` between two images of one state, and from start to goal.
        calibration=Calibration(noise_floor=0.01, typical_distance=1.0, tolerance=0.1),
        training=Training(epoch=20, epochs=20, seed=0, command_line="python train.py"),
        control_rate=5.0,
    )
    torch.manual_seed(0)
    try:
        write_model(directory, spec, networks(spec).state_dict())
    except OSError as error:
        parser.error(f"{directory} cannot be written: {error.strerror or error}")


if __name__ == "__main__":
    main()
