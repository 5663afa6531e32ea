"""Between a request and the plan the engine waits for the GPU only to send images to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fake_cuda import DEVICE, fake_cuda
from small_dino_wm import make_spec, small_architecture

from wm_planner.config import Config
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.planning import solver
from wm_planner.types import Goal, Observation, Past
from wm_planner.worker import engine as engine_module
from wm_planner.worker.engine import Engine
from wm_planner.worker.messages import PlanOnce, PlanRequest, SetGoal

SENDING = {"batch._frame", "batch.<genexpr>", "batch.observation_batch"}
"""Sends images and numbers to a device that has nothing to do yet."""


class Searched(Exception):
    """All evaluations are queued; only reading the plan has to wait."""


def seen(shade: int) -> Observation:
    return Observation((np.full((32, 32, 3), shade, np.uint8),), np.zeros(4), 1.0)


@pytest.mark.parametrize(("masked", "frames"), [(False, 2), (True, 1)])
def test_nothing_is_read_before_the_plan(
    monkeypatch: pytest.MonkeyPatch, masked: bool, frames: int
) -> None:
    def read(*_: object) -> None:
        raise Searched

    def load(*_: object, **__: object) -> DinoWorldModel:
        return DinoWorldModel(make_spec(small_architecture(), 32, 2), None, DEVICE)

    monkeypatch.setattr(solver, "check_end", read)
    monkeypatch.setattr(engine_module, "load", load)
    config = Config()
    config.model.precision, config.model.compute = "float32", "eager"
    config.model.history = "real"
    config.planning.num_samples, config.planning.iterations, config.planning.horizon = 16, 3, 3
    with fake_cuda() as watch:
        engine = Engine(config)
        width = engine.spec.model_action_dim
        assert engine.token_grid is not None
        weights = np.eye(*engine.token_grid, dtype=np.float32)[None] if masked else None
        goal = Goal(seen(200), weights=weights)
        past = Past((seen(90),) * (frames - 1), np.zeros((frames - 1, width)))
        engine.set_goal(SetGoal(1, goal))
        plan, once = PlanRequest(1, seen(100), past=past), PlanOnce(0, seen(100), goal)
        cold, warm = None, (1.0, torch.zeros(1, 3, width))
        encodes = {"goals.encode_goal"}
        for request, previous, also in (
            (plan, cold, encodes), (plan, cold, set()), (plan, warm, set()), (once, cold, encodes)
        ):  # fmt: skip
            engine._previous = previous
            watch.waits.clear()
            with pytest.raises(Searched):
                engine.answer(request)
            assert "batch._frame" in watch.waits
            assert set(watch.waits) <= SENDING | also
