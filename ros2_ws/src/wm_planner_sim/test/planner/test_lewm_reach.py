"""Over DDS: a LeWM, trained on recordings without labels and converted, moves to its goals.

How near it gets is tested in ``test_closed_loop.py``, where the arm waits for each
plan. Here time goes on, and on a busy machine a plan takes several images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from wm_planner_msgs.action import ReachGoal

from wm_planner.models import load_spec
from wm_planner_sim.client.processes import ManagedProcess, embedded_model, start_planner
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
MODEL = embedded_model().parent / "lewm_reach"
SEEDS = seeds.EVALUATION[7600:7603]
TIMEOUT = 40.0  # [s] of simulated time; a plan may take a second of it


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


def test_a_lewm_moves_to_goals_given_as_images(client: Any) -> None:
    assert load_spec(MODEL).family == "lewm"
    before = after = 0.0
    for seed in SEEDS:
        client.reset(seed)
        goal, position = client.sample_goal(seed)
        episode = client.reach(seed, goal, position, TIMEOUT)
        ended = (ReachGoal.Result.NONE, ReachGoal.Result.TIMED_OUT)
        assert episode.error_code in ended, episode.message
        before += episode.initial_distance
        after += episode.final_distance
    assert after < before / 4  # with random actions 0.46 m of 0.98 m were left
