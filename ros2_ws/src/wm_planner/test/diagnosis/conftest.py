"""Recordings of the simulated arm, a model that fits them, and the doctor in this process."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))  # for ``recordings``

import recordings

from wm_planner.cli import main

os.environ.setdefault("MUJOCO_GL", "osmesa")
EPISODES, STEPS = 4, 20


class Recorded(NamedTuple):
    """Episodes of the simulated arm, and the paths of dataset and model."""

    actions: NDArray[np.float32]
    positions: NDArray[np.float32]
    images: NDArray[np.uint8]
    data_set: Path
    model: Path


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Four episodes, their dataset, and the embedded model with its statistics."""
    collect = pytest.importorskip("wm_planner_sim.training.collect")
    simulation = pytest.importorskip("wm_planner_sim.simulator.simulation")
    seeds = pytest.importorskip("wm_planner_sim.simulator.seeds")
    chosen = seeds.EVALUATION[6000 : 6000 + EPISODES]
    with contextlib.closing(simulation.Simulation(144, 192)) as arm:
        try:
            arm.render()
        except Exception as error:  # no OpenGL on this machine, in whatever words
            pytest.skip(f"the simulator cannot render here: {error}")
        data = collect.concatenate(collect.collect_episode(arm, seed, 72, STEPS) for seed in chosen)
    numbers = (data.actions, data.positions, data.images)
    root = tmp_path_factory.mktemp("recorded")
    data_set = recordings.write_set(root / "set", *numbers)
    model = recordings.fitted_model(root / "model", recordings.statistics_of(data_set))
    return Recorded(*numbers, data_set, model)


Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.fixture
def findings(capsys: pytest.CaptureFixture[str]) -> Findings:
    """Runs ``wm-planner doctor … --json``; returns the exit code and the findings by name."""

    def run(*words: str | Path) -> tuple[int, dict[str, dict[str, Any]]]:
        code = main(["doctor", "--json", *map(str, words)])
        report = json.loads(capsys.readouterr().out)
        every = [finding for section in report["sections"] for finding in section["findings"]]
        return code, {f["name"]: f for f in every if f["verdict"] != "ok"}

    return run
