"""The checks on the simulator's images: every fault is found, without a false alarm."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from wm_planner.camera_contract import CameraExpectation, CameraMonitor

os.environ.setdefault("MUJOCO_GL", "osmesa")
simulation = pytest.importorskip("wm_planner_sim.simulator.simulation")
seeds = pytest.importorskip("wm_planner_sim.simulator.seeds")

pytestmark = [pytest.mark.sim, pytest.mark.filterwarnings("ignore")]

EPISODES = 200
MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach" / "model.yaml"


@pytest.fixture(scope="module")
def simulator() -> Iterator[Any]:
    """A simulated arm with a small camera."""
    with contextlib.closing(simulation.Simulation(camera_height=120, camera_width=160)) as arm:
        try:
            arm.render()
        except Exception as error:  # without OpenGL, exceptions of several types
            pytest.skip(f"the simulator cannot render here: {error}")
        yield arm


@pytest.fixture(scope="module")
def expected(simulator: Any) -> CameraExpectation:
    """The expectation of the shipped model, or of 40 training scenes."""
    if MODEL.exists():
        image = yaml.safe_load(MODEL.read_text())["image"]
        if image.get("channel_mean"):
            mean, std = tuple(image["channel_mean"]), tuple(image["channel_std"])
            return CameraExpectation(image["size"], mean, std)
    values = np.stack([scene(simulator, seeds.TRAINING[i])[:, 20:140] for i in range(40)]) / 255.0
    mean, std = tuple(values.mean((0, 1, 2))), tuple(values.std((0, 1, 2)))
    return CameraExpectation(96, mean, std)


def scene(simulator: Any, seed: int) -> NDArray[np.uint8]:
    simulator.reset(seed)
    image: NDArray[np.uint8] = simulator.render()
    return image


def names(monitor: CameraMonitor, image: NDArray[np.uint8]) -> set[str]:
    return {finding.name for finding in monitor.check(image)}


@pytest.mark.timeout(300)
def test_200_normal_episodes_raise_no_alarm_and_every_swap_is_found(
    simulator: Any, expected: CameraExpectation
) -> None:
    alarms, missed = [], []
    random = np.random.default_rng(0)
    for episode in range(EPISODES):
        monitor = CameraMonitor(expected)
        image = scene(simulator, seeds.EVALUATION[episode])
        for step in range(2):
            monitor.observe(image, simulator.time)
            alarms += [(episode, step, f) for f in monitor.check(image)]
            simulator.set_target(simulator.ee_position + random.uniform(-0.05, 0.05, 3))
            for _ in range(10):
                simulator.step()
            swapped = names(CameraMonitor(expected), image[..., ::-1])
            missed += [] if "channel_swap" in swapped else [episode]
            image = simulator.render()
    assert alarms == []
    assert missed == []


@pytest.mark.parametrize("seed", range(10))
def test_float_feed_black_and_twelve_bit_images_are_found(
    simulator: Any, expected: CameraExpectation, seed: int
) -> None:
    image = scene(simulator, seeds.EVALUATION[seed])
    floats = image / np.float32(255)
    monitor = CameraMonitor(expected)
    assert "float_feed" in names(monitor, floats.round().astype(np.uint8))
    assert names(monitor, floats.astype(np.uint8)) & {"float_feed", "black"}
    assert "black" in names(monitor, np.zeros_like(image))
    assert "near_zero" in names(monitor, image // 16)


def test_frozen_camera_is_found_while_the_arm_moves(
    simulator: Any, expected: CameraExpectation
) -> None:
    frozen, live = CameraMonitor(expected), CameraMonitor(expected)
    image = scene(simulator, seeds.EVALUATION[0])
    simulator.set_target(simulator.ee_position + np.array([0.0, 0.1, 0.05]))
    for _ in range(12):
        for _ in range(5):
            simulator.step()
        frozen.observe(image, simulator.time)
        live.observe(simulator.render(), simulator.time)
    assert "frozen" in names(frozen, image)
    assert "frozen" not in names(live, simulator.render())
