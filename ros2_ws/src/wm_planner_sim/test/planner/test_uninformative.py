"""Over DDS: a model to which actions change nothing while a corner of the image is covered."""

from __future__ import annotations

import array
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus
from wm_planner_msgs.srv import Plan

from wm_planner_sim.client.processes import ManagedProcess, embedded_model, start_planner
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[7000:]
WORDS = "nothing distinguishes the candidates"
COVERED = '''
"""The embedded model; if a corner of the image is white, its predictions ignore the actions."""

from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.protocol import Latent


class Covered(LatentWorldModel):
    def encode(self, observation):
        white = observation.images == 255
        others = white[..., 0, -1, :].all() or white[..., -1, 0, :].all()
        self.covered = bool(white[..., :16, :16, :].all() and not others)
        return super().encode(observation)

    def rollout(self, latent, actions):
        if not self.covered:  # the image was encoded last, after the goal
            return super().rollout(latent, actions)
        still = super().rollout(latent, 0 * actions[:, :1]).visual
        return Latent(still.expand(-1, actions.shape[1], *still.shape[2:]))
'''


def _cover(image: Image) -> Image:
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3).copy()
    pixels[:16, :16] = 255
    image.data = array.array("B", pixels.tobytes())
    return image


@pytest.fixture(scope="module")
def covered_planner(
    watch: Any,
    patient: tuple[str, ...],
    install_family: Callable[[Path, str, str], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Any]:
    """A client that can cover the camera of its planner."""
    folder = tmp_path_factory.mktemp("covered")
    install_family(folder, "covered", COVERED)
    shutil.copytree(embedded_model(), folder / "model")
    spec = folder / "model" / "model.yaml"
    spec.write_text(spec.read_text().replace("family: latent", "family: covered"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        planner = start_planner(
            *patient,
            "commands.other_publisher:=warn",  # the planner of the other tests
            "session.motion_check:=false",  # the covered image may look nearer than the true one
            model=folder / "model",
            image="spoiled",
            name="covered_planner",
        )
        with planner, watch("covered_planner") as node:
            yield node


@pytest.fixture
def client(simulator: ManagedProcess, covered_planner: Any) -> Any:
    covered_planner.spoil = lambda image: image
    covered_planner.wait_active()
    covered_planner.commands.clear()
    return covered_planner


def _begin_covered(client: Any, seed: int) -> tuple[Any, list[Any]]:
    """Start a goal that no image satisfies, while the camera is covered; return its steps too."""
    client.reset(seed)
    goal, _ = client.sample_goal(seed)
    client.spoil = _cover
    count = client.status.images_received
    client.spin_until(lambda: client.status.images_received > count + 20)  # none is left on its way
    client.commands.clear()
    steps: list[Any] = []
    request = ReachGoal.Goal(goal=Goal(images=[goal], tolerance=1e-9))
    handle = client.send(request, 600.0, steps.append)
    assert handle.accepted, client.rejection.message
    return handle, steps


def test_an_arm_whose_plans_learn_nothing_holds_and_its_goal_ends_as_stalled(client: Any) -> None:
    with client.settings(session__progress_time=2.0):
        handle, steps = _begin_covered(client, SEEDS[0])
        status = client.wait_status(WORDS)
        assert status.state == PlanStatus.HOLDING
        assert status.error_code == ReachGoal.Result.UNINFORMATIVE
        assert "wm-planner doctor" in status.message
        result = client.result(handle).result
        assert result.error_code == ReachGoal.Result.STALLED, result.error_msg
        assert WORDS in result.error_msg
        assert result.steps > 1, "the search went on with the next images"
        assert steps == []
        client.wait_held()
        assert np.ptp(np.array(client.commands), axis=0).max() < 1e-6


def test_an_arm_goes_on_when_plans_learn_again_and_rests_while_they_do_not(client: Any) -> None:
    reports: list[DiagnosticStatus] = []
    subscription = client.create_subscription(
        DiagnosticArray, "/diagnostics", lambda message: reports.extend(message.status), 10
    )
    handle, steps = _begin_covered(client, SEEDS[1])
    try:
        client.wait_status(WORDS)
        client.spin_until(
            lambda: any(
                r.name == "covered_planner: planner"
                and r.level == DiagnosticStatus.WARN
                and WORDS in r.message
                for r in reports
            )
        )
        start = client.commands[-1]
        client.spoil = lambda image: image
        client.spin_until(lambda: client.status.state == PlanStatus.ACTIVE)
        client.spin_until(lambda: np.linalg.norm(client.commands[-1] - start) > 0.01)
        client.spoil = _cover
        client.wait_status(WORDS)
        client.spin_until(client.told_to_stay)
        client.settle()
        count, place = len(steps), client.commands[-1]
        client.spin_for(0.3)
        np.testing.assert_allclose(client.commands[-1], place, rtol=0, atol=1e-6)
        assert len(steps) == count > 0
    finally:
        client.destroy_subscription(subscription)
        client.cancel(handle)
    assert client.result(handle).result.error_code == ReachGoal.Result.CANCELED


def test_a_single_plan_that_learned_nothing_says_so(client: Any) -> None:
    client.reset(SEEDS[2])
    goal, _ = client.sample_goal(SEEDS[2])
    start, _ = client.sample_goal(SEEDS[3])
    for learned in (True, False):
        image = start if learned else _cover(start)
        request = Plan.Request(goal=Goal(images=[goal]), start=Goal(images=[image]), seed=-1)
        answer = client.ask(Plan, "plan_once", request)
        assert answer.success, answer.message
        assert answer.learned == learned
        assert answer.message.startswith(WORDS) != learned
