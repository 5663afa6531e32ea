"""The worker's process: a failed start says why."""

from __future__ import annotations

from pathlib import Path

import pytest

from wm_planner.config import Config
from wm_planner.models import ModelSpec
from wm_planner.worker import PlannerLink, WorkerError


def _start(config: Config) -> None:
    link = PlannerLink(config, lambda: None)
    try:
        link.start()
    finally:
        link.close()


def test_an_interpreter_that_does_not_exist_is_named() -> None:
    config = Config()
    config.worker.python = "/nowhere/python"
    with pytest.raises(ValueError, match=r"worker\.python '/nowhere/python' cannot be run"):
        _start(config)


def test_a_model_that_cannot_be_loaded_is_explained(tmp_path: Path) -> None:
    config = Config()
    config.model.directory = str(tmp_path)
    with pytest.raises(WorkerError, match=r"give the directory that holds model\.yaml"):
        _start(config)


def test_missing_weights_are_explained(tmp_path: Path, spec: ModelSpec) -> None:
    spec.save(tmp_path)
    config = Config()
    config.model.directory = str(tmp_path)
    with pytest.raises(WorkerError, match=r"weights\.safetensors is missing"):
        _start(config)


def test_a_start_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    config = Config()
    config.model.directory = str(tmp_path)
    config.worker.start_timeout = 0.01
    with pytest.raises(WorkerError, match=r"worker\.start_timeout"):
        _start(config)


def test_a_worker_that_exits_at_once_is_reported(tmp_path: Path) -> None:
    config = Config()
    config.worker.python = "/bin/false"
    with pytest.raises(WorkerError, match="exit code 1"):
        _start(config)
