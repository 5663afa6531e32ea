"""Plans for an arm that follows its commands late begin where the arm is, not ahead of it."""

from __future__ import annotations

import numpy as np
import pytest
from commander_rig import DOWN, MOVE, START, TICK, CommanderRig

from wm_planner.models import ModelSpec
from wm_planner.types import Pose

LAG = 0.12  # [s]
IMAGE = 10  # commands between two images


class LateArm(CommanderRig):
    """A rig whose arm is where it was commanded to be a lag before."""

    def pose(self) -> Pose:
        late = len(self.sent) - round(LAG / TICK)
        return Pose(self.sent[late].position if late >= 0 else START, DOWN, 0.0)


def pursue(rig: LateArm, goal: float, images: int = 12) -> np.ndarray:
    """Plan perfectly from each image to a goal along x [m]; return x of the arm at all times."""
    measured = []
    for _ in range(images):
        left = goal - rig.pose().position[0]
        move = [np.clip(left, -MOVE[0], MOVE[0]), 0.0, 0.0]
        rig.commander.splice([move, *[[0.0] * 3] * 4], rig.now, rig.now)
        for _ in range(IMAGE):
            rig.run(TICK)
            measured.append(rig.pose().position[0])
    return np.array(measured)


def test_with_its_lag_the_arm_does_not_pass_the_goal(spec: ModelSpec) -> None:
    goal = START[0] + 0.1
    known = pursue(LateArm(spec, lag=LAG), goal)
    unknown = pursue(LateArm(spec), goal)
    assert known[-1] == pytest.approx(goal, abs=1e-4)
    assert known.max() < goal + 1e-3
    assert unknown.max() > goal + 5e-3, "this is what the setting is for"


def test_velocity_commands_do_not_correct_the_lag(spec: ModelSpec) -> None:
    rig = LateArm(spec, type="twist_stamped", lag=LAG)
    rig.plan(MOVE)
    rig.run(0.6)
    np.testing.assert_allclose(rig.sent[-1].velocity, [0.2, 0.0, 0.0], atol=1e-6)


def test_a_plan_is_followed_only_if_the_arm_rested_at_its_image(spec: ModelSpec) -> None:
    rig = LateArm(spec, lag=LAG)
    rig.plan(MOVE)
    rig.run(2.0)
    rest = rig.now
    while not rig.commander.history.rested_since(rest):
        rest += TICK
    at_rest = next(k * TICK for k, c in enumerate(rig.sent) if not c.velocity.any())
    assert rest == pytest.approx(rig.now, abs=TICK)
    assert not rig.commander.history.rested_since(at_rest + LAG / 2)


def test_a_hold_does_not_hurry_after_a_path_that_has_run_ahead(spec: ModelSpec) -> None:
    rig = CommanderRig(spec)
    rig.config.limits.policy, rig.config.limits.max_speed = "clamp", 0.1
    rig.commander.apply(rig.config.limits)
    rig.plan([0.08, 0.0, 0.0])
    rig.run(0.4)
    rig.now += TICK
    rig.commander.hold(rig.now)
    held = rig.sent[-1].position
    rig.run(0.6)
    steps = np.diff(rig.positions()[:, 0])
    assert (steps >= -1e-9).all(), "it does not go back"
    assert rig.sent[-1].position[0] - held[0] <= 0.1 * 0.1, "commands.blend at the largest speed"
    assert rig.commander.commanded
