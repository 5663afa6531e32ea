"""Every task has an embedded model, with a card, that is its own; all together are small."""

from __future__ import annotations

import json

import pytest

from wm_planner.models.loading import load
from wm_planner_sim.client.processes import embedded_model
from wm_planner_sim.simulator.tasks import TASKS


@pytest.mark.parametrize("name", TASKS)
def test_a_task_s_model_takes_its_actions_and_has_a_card(name: str) -> None:
    folder, task = embedded_model(name), TASKS[name]
    spec = load(folder, "cpu").spec  # which checks the digest of the weights
    assert spec.action.names == task.actions.names
    assert spec.action.command.gripper == task.actions.gripper
    assert (spec.action.command.step_time or 1 / spec.control_rate) == pytest.approx(task.step_time)
    assert spec.name == folder.name
    assert (folder / "README.md").read_text().startswith(f"# {spec.name}: model card")
    measured = json.loads((folder / "evaluation.json").read_text())
    assert measured["weights_sha256"] == spec.weights.sha256


def test_all_weights_together_are_at_most_15_mb() -> None:
    weights = embedded_model().parent.rglob("*.safetensors")
    assert sum(path.stat().st_size for path in weights) <= 15e6
