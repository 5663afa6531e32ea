"""Models of the toy family, installed for this process and the processes that it starts."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wm_planner.config import Config
from wm_planner.models import ModelSpec
from wm_planner.types import Goal, Observation
from wm_planner.worker import Failed, Planned, PlannerLink, PlanRequest, SetGoal


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the family as a distribution with an entry point; return its folder."""
    home = tmp_path / "home"
    metadata = home / "toy-1.0.dist-info"
    metadata.mkdir(parents=True)
    (home / "toy_family.py").write_text((Path(__file__).parent / "toy/toy_family.py").read_text())
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[wm_planner.models]\ntoy = toy_family:Toy\n")
    monkeypatch.syspath_prepend(str(home))
    monkeypatch.setenv("PYTHONPATH", f"{home}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return home


@pytest.fixture
def toy_config(toy: Path, tmp_path: Path, spec: ModelSpec) -> Callable[..., Config]:
    """Return a maker of configurations with a toy model that has certain faults."""

    def make(change: Callable[[ModelSpec], None] = lambda spec: None, **faults: Any) -> Config:
        directory = tmp_path / "model"
        directory.mkdir(exist_ok=True)
        (directory / "weights.safetensors").write_bytes(b"toy")
        spec.weights.sha256 = hashlib.sha256(b"toy").hexdigest()
        spec.family, spec.image.size, spec.architecture = "toy", 8, faults
        change(spec)
        spec.save(directory)
        config = Config()
        config.model.directory = str(directory)
        config.planning.num_samples, config.planning.iterations = 16, 2
        config.planning.num_elites = 4
        config.worker.threads = 1
        return config

    return make


class Driver:
    """A link and its answers."""

    def __init__(self, config: Config, until: Callable[..., None]) -> None:
        self.link = PlannerLink(config, lambda: None)
        self._until = until
        self.answers: list[Planned | Failed] = []

    def until(self, done: Callable[[], bool]) -> None:
        """Do what the node does until a condition holds."""
        self._until(done, self._pause, lambda: f"{self.link.problem}; {self.answers}")

    def tick(self) -> None:
        """Do once what the node does."""
        self.link.watch()
        self.answers += self.link.drain()

    def answer(self) -> Planned | Failed:
        """Wait for the next answer."""
        self.until(lambda: bool(self.answers))
        return self.answers.pop(0)

    def plan(self, observation: Observation, **settings: Any) -> Planned | Failed:
        """Plan toward the goal and return the answer."""
        self.link.plan(PlanRequest(1, observation, **settings))
        return self.answer()

    def _pause(self) -> None:
        self.tick()
        time.sleep(0.01)


@pytest.fixture
def drive(until: Callable[..., None]) -> Iterator[Callable[[Config], Driver]]:
    """Return a starter of links, with a red goal."""
    with contextlib.ExitStack() as links:

        def start(config: Config) -> Driver:
            driver = Driver(config, until)
            links.callback(driver.link.close)
            driver.link.start()
            driver.link.set_goal(SetGoal(1, Goal(image(200, 0, 0))))
            return driver

        yield start


def image(*color: int) -> Observation:
    """An image of one color."""
    return Observation((np.full((12, 16, 3), color, np.uint8),))
