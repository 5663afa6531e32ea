"""A model left in training mode, or one that draws at random, is found and named."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import recordings
import torch
from torch import Tensor, nn

from wm_planner.diagnosis.checks.evaluation_mode import networks, training_leftovers
from wm_planner.diagnosis.checks.repeatable import compare_calls
from wm_planner.models import load
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch


class Forgetful(LatentWorldModel):
    """A model with a dropout layer in training mode."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.dropout = nn.Dropout(0.1)

    def encode(self, observation: ObservationBatch) -> Latent:
        return Latent(self.dropout(super().encode(observation).visual))


class Closed:
    """A random model without networks as attributes."""

    def __init__(self, model: LatentWorldModel) -> None:
        self.spec, self.device = model.spec, model.device
        self.encode = model.encode

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        return Latent(torch.rand(1, actions.shape[1], 1 + actions.shape[2], 1, 3))


@pytest.fixture(scope="module")
def model() -> LatentWorldModel:
    loaded = load(recordings.EMBEDDED, "cpu")
    assert isinstance(loaded, LatentWorldModel)
    return loaded


def _found(model: Any) -> dict[str, str]:
    results = [*training_leftovers(networks(model)), compare_calls(model)]
    return {r.name: r.sentence for r in results if r.verdict != "ok"}


def test_a_sound_model_has_no_finding(model: LatentWorldModel) -> None:
    assert _found(model) == {}


def test_a_family_left_in_training_mode_is_named(
    findings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = EntryPoint("latent", f"{__name__}:Forgetful", "wm_planner.models")
    monkeypatch.setattr(EntryPoint, "load", lambda self: Forgetful)
    monkeypatch.setattr("wm_planner.models.loading.entry_points", lambda group: [entry])
    code, found = findings(recordings.EMBEDDED)
    assert code == 2
    assert "dropout (Dropout)" in found["eval_mode"]["sentence"]
    assert "Put the model into evaluation mode" in found["repeatable"]["sentence"]


def test_parameters_that_collect_gradients_are_named(model: LatentWorldModel) -> None:
    free = load(recordings.EMBEDDED, "cpu")
    next(iter(free.networks["predictor"].parameters())).requires_grad_(True)
    assert list(_found(free)) == ["frozen"]
    assert "networks.predictor.layers.0.weight" in _found(free)["frozen"]


def test_a_random_model_without_networks_is_found(model: LatentWorldModel) -> None:
    assert list(_found(Closed(model))) == ["repeatable"]


def test_latents_that_are_not_finite_are_found() -> None:
    broken = load(recordings.EMBEDDED, "cpu")
    broken.networks["predictor"].layers[0].bias.fill_(float("nan"))
    assert "not finite" in _found(broken)["repeatable"]


def test_a_report_notes_networks_that_cannot_be_examined(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from wm_planner.cli import main

    monkeypatch.setattr("wm_planner.diagnosis.checks.evaluation_mode.networks", lambda model: {})
    assert main(["doctor", str(recordings.EMBEDDED)]) == 0
    assert "do not expose their networks" in capsys.readouterr().out
