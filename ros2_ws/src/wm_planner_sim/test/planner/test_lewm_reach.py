"""Over DDS: a LeWM, trained on recordings without labels and converted, reaches its goals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from wm_planner_msgs.action import ReachGoal

from wm_planner.models import load_spec
from wm_planner_sim.client.processes import ManagedProcess, embedded_model, start_planner
from wm_planner_sim.training import seeds

pytestmark = pytest.mark.dds
MODEL = embedded_model().parent / "lewm_reach"
SEEDS = seeds.EVALUATION[7600:7603]
NEAR = 0.05  # [m] one step; a hand that moves at random ends 23 cm away


@pytest.fixture(scope="module")
def client(simulator: ManagedProcess, watch: Any, patient: tuple[str, ...]) -> Iterator[Any]:
    planner = start_planner(
        *patient,
        "planning.num_samples:=64",  # a plan with 300 takes longer than two images on a CPU
        "commands.other_publisher:=warn",  # the planner of the other tests
        model=MODEL,
        name="lewm_planner",
    )
    with planner, watch("lewm_planner") as node:
        node.wait_active()
        yield node


def test_a_lewm_reaches_goals_given_as_images(client: Any) -> None:
    assert load_spec(MODEL).family == "lewm"
    for seed in SEEDS:
        client.reset(seed)
        goal, position = client.sample_goal(seed)
        episode = client.reach(seed, goal, position, 120.0)
        assert episode.error_code == ReachGoal.Result.NONE, episode.message
        assert episode.initial_distance > 2 * NEAR
        assert episode.final_distance < NEAR, episode.message
