"""Models to which actions change nothing: the doctor says so, on recordings and on tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from deaf_model import deaf_model
from safetensors.torch import load_file, save_file
from small_dino_wm import random_model

from wm_planner.config import PlanningConfig
from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.diagnosis.planning_losses import Losses, PlanningTask, measure
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.planning import Objective
from wm_planner.worker.from_settings import planner_for

Findings = Callable[..., tuple[int, dict[str, dict[str, Any]]]]


@pytest.mark.sim
@pytest.mark.filterwarnings("ignore")
def test_a_model_to_which_actions_change_nothing_is_at_fault(
    recorded: Any, findings: Findings, tmp_path: Path
) -> None:
    model = deaf_model(tmp_path / "deaf", recorded.model)
    files = [tmp_path / "now.png", tmp_path / "goal.png"]
    for file, image in zip(files, recorded.images[0, [0, 5]], strict=True):
        assert cv2.imwrite(str(file), np.ascontiguousarray(image[..., ::-1]))
    for words, plans in (
        (("--dataset", recorded.data_set), " in 3 of 3 plans"),
        (("--image", files[0], "--goal-image", files[1]), ""),
    ):
        code, found = findings(model, *words)
        assert code == 2
        assert found["plan"]["verdict"] == "stop"
        sentence = f"nothing distinguishes the candidates{plans}. To the model"
        assert sentence in found["plan"]["sentence"]


def _losses(model: Any, goals: tuple[int, ...] = (1,), **settings: Any) -> Losses:
    planning = PlanningConfig(**{"num_samples": 16, "iterations": 2, **settings})
    tasks = [PlanningTask(_encoded(model, 0), _encoded(model, goal)) for goal in goals]
    return measure(model, tasks, planner_for(model, planning), Objective(alpha=0.1), 60.0)


def _encoded(model: Any, seed: int) -> Latent:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (1, 1, 32, 32, 3), generator=generator, dtype=torch.uint8)
    with torch.inference_mode():
        latent: Latent = model.encode(ObservationBatch(images, torch.full((1, 1, 4), float(seed))))
    return latent


def _change(model: Any, folder: Path, part: str) -> Any:
    """Return the model with zeros instead of the weights of a part."""
    tensors = load_file(folder / "weights.safetensors")
    assert any(name.startswith(part) for name in tensors)
    zeros = {name: t * (not name.startswith(part)) for name, t in tensors.items()}
    save_file(zeros, folder / "changed.safetensors")
    return type(model)(model.spec, folder / "changed.safetensors", model.device)


def test_a_dino_wm_model_that_does_not_take_its_actions_has_plans_without_difference(
    tmp_path: Path,
) -> None:
    sound = random_model(tmp_path)
    deaf = _change(sound, tmp_path, "action_encoder")
    for model, flat in ((sound, 0), (deaf, 1)):
        losses = _losses(model)
        assert (losses.tasks, losses.flat, losses.flat_visual) == (1, flat, flat)


def test_losses_of_several_tasks_are_means_and_their_counts_sums(tmp_path: Path) -> None:
    model = random_model(tmp_path)
    alone = [_losses(model, goals=(goal,)) for goal in (1, 2)]
    both = _losses(model, goals=(1, 2))
    assert both.tasks == 2
    assert both.start == pytest.approx(np.mean([each.start for each in alone]))
    assert both.zero == pytest.approx(np.mean([each.zero for each in alone]))


def test_random_candidates_tell_of_a_search_that_compares_none(tmp_path: Path) -> None:
    deaf = _change(random_model(tmp_path), tmp_path, "action_encoder")
    assert _losses(deaf, preset="random", num_samples=0, iterations=0).flat == 1


class Sliding:
    """A model whose state follows large actions while its images stay as they are."""

    def __init__(self, model: Any, threshold: float) -> None:
        self._threshold = threshold
        self.spec, self.device, self.encode = model.spec, model.device, model.encode
        self._model = model

    def rollout(self, latent: Latent, actions: torch.Tensor) -> Latent:
        shape = (*actions.shape[:3], *latent.visual.shape[2:])
        assert latent.proprio is not None
        taken = actions * (actions.abs() > self._threshold)
        moved = latent.proprio[:, None, -1:] + taken.cumsum(dim=2).mean(dim=-1, keepdim=True)
        return Latent(latent.visual[:, None, -1:].expand(shape), moved)

    def distance(self, *given: Any) -> torch.Tensor:
        return self._model.distance(*given)


def test_plans_that_only_the_state_distinguishes_are_counted(tmp_path: Path) -> None:
    losses = _losses(Sliding(random_model(tmp_path), threshold=0.0))
    assert (losses.flat, losses.flat_visual) == (0, 1)


def test_a_search_too_narrow_to_tell_its_candidates_apart_is_counted(tmp_path: Path) -> None:
    model = Sliding(random_model(tmp_path), threshold=0.5)
    assert _losses(model).flat == 0
    assert _losses(model, adaptive_cem=AdaptiveCEMSettings(sigma=0.01)).flat == 1
