"""In shadow mode plans start from the measured pose, limits end nothing, and plans are recorded."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, POSE, LoopRig

from wm_planner.config import CommandsConfig, Config
from wm_planner.control import ErrorCode
from wm_planner.control.shadow import ShadowCommander
from wm_planner.models import ModelSpec
from wm_planner.models.spec import CommandMapping, GripperMapping, Moments
from wm_planner.worker import Planned

CARRIED = np.array([0.0, 0.5, 0.0])  # [m]


class ShadowRig(LoopRig):
    """A loop in shadow mode; somebody else moves the arm."""

    def __init__(self, spec: ModelSpec, path: str = "", policy: str = "clamp") -> None:
        config = Config(commands=CommandsConfig(shadow=True, shadow_file=path))
        config.limits.policy = policy
        super().__init__(spec, config)

    def observe(self) -> None:
        self.observe_change()

    def plan(self) -> None:
        self.request_plan()
        self.answer_plan(actions=0.004)


@pytest.fixture
def rig(spec: ModelSpec) -> ShadowRig:
    return ShadowRig(spec)


def test_each_plan_starts_from_the_measured_pose(rig: ShadowRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(5):
        rig.plan()
        first = len(rig.commands)
        rig.run(0.2, rig.observe, rig.pose)
        assert np.linalg.norm(rig.commands[first].position - rig.position) < 0.002
        assert np.linalg.norm(rig.commands[-1].position - rig.position) > 0.005, "it would move"
        rig.position = rig.position + np.array([0.03, -0.01, 0.0])  # by hand
        rig.pose()
    assert rig.outcome is None


def test_an_arm_that_does_not_follow_ends_no_goal(rig: ShadowRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(60):
        rig.plan()
        rig.run(0.2, rig.observe, rig.pose)
        rig.loop.watch(rig.now, rig.steady, rig.steady)
    assert rig.outcome is None, "neither STALLED nor NO_POSE"


def test_what_the_limits_would_refuse_is_counted_and_said_and_ends_nothing(spec: ModelSpec) -> None:
    rig = ShadowRig(spec, policy="refuse")
    rig.begin(OBSERVATIONS[0])
    rig.request_plan()
    rig.answer_plan(actions=1.0)  # [m]
    rig.run(0.1, rig.observe, rig.pose)
    commander = rig.loop.commander
    assert commander.gate.counters.refused == 1
    assert "limits.max_" in commander.problems[0]
    rig.plan()
    rig.run(0.1, rig.observe, rig.pose)
    assert commander.moving
    assert rig.outcome is None
    assert "limits.max_" in commander.problems[0], "said until a plan was all right"
    rig.run(0.02, rig.pose)
    rig.plan()
    assert commander.problems == []


def test_somebody_who_moves_the_arm_away_violates_no_limit(rig: ShadowRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan()
    rig.run(0.1, rig.observe, rig.pose)
    rig.position = POSE.position + CARRIED
    rig.run(0.5, rig.observe, rig.pose)
    rig.plan()
    rig.run(0.1, rig.observe, rig.pose)
    commander = rig.loop.commander
    assert (commander.gate.counters.clamped, commander.gate.counters.refused) == (0, 0)
    assert commander.problems == []
    assert np.linalg.norm(rig.commands[-1].position - rig.position) < 0.1


def test_a_goal_is_reached_when_the_images_show_it(rig: ShadowRig) -> None:
    rig.begin(OBSERVATIONS[0])
    for _ in range(2):
        rig.step(0.001)
    assert rig.outcome
    assert rig.outcome.code is ErrorCode.NONE


@pytest.mark.parametrize("policy", ["clamp", "refuse"])
def test_every_plan_is_a_line_of_strict_json(spec: ModelSpec, tmp_path: Path, policy: str) -> None:
    path = tmp_path / "shadow.jsonl"
    rig = ShadowRig(spec, str(path), policy)
    rig.begin(OBSERVATIONS[0])
    rig.request_plan()
    rig.answer_plan(float("nan"), actions=0.004)
    rig.run(0.1, rig.observe, rig.pose)
    rig.request_plan()
    rig.answer_plan(actions=1.0)  # [m]
    rig.run(0.1, rig.observe, rig.pose)
    rig.loop.commander.close()

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    lines = path.read_text().splitlines()
    first, second = [json.loads(line, parse_constant=no_constant) for line in lines]
    assert first["distance"] is None
    assert first["measured"] == [*POSE.position, *POSE.orientation]
    assert len(first["commands"]) == 6, "the one sent with the plan, and those of 0.1 s"
    assert all(len(row) == 1 + 7 + 6 for row in first["commands"])
    assert first["commands"][-1][0] == pytest.approx(0.1)
    moves = np.arange(1, 6)[:, None] * 0.004 * spec.frameskip  # the rig's actions are equal
    planned = np.array(first["planned"])
    np.testing.assert_allclose(planned[:, :3], POSE.position + moves, atol=1e-9)
    np.testing.assert_array_equal(planned[:, 3:], [POSE.orientation] * 5)
    assert first["limits"] == {}
    assert set(second["limits"]) & {"box", "speed", "acceleration", "lead"}
    assert ("refused" in second) == (policy == "refuse")


def test_without_shadow_mode_no_file_is_written(spec: ModelSpec, tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    config = Config(commands=CommandsConfig(shadow_file=str(path)))
    rig = LoopRig(spec, config)
    assert not isinstance(rig.loop.commander, ShadowCommander)
    assert not path.exists()


def test_no_gripper_follows_so_each_plan_begins_at_the_measured_width(spec: ModelSpec) -> None:
    gripper = GripperMapping("dz", "width", "relative", closed=0.0, open=0.08)
    spec.action.command = None
    spec.action.names, spec.action.units = ["dx", "dy", "dw", "dz"], ["m"] * 4
    spec.action.lower, spec.action.upper = [], []
    spec.action.command = CommandMapping("relative", ["dx", "dy", "dw"], gripper=gripper)
    spec.statistics.action = Moments([0.0] * 4, [1.0] * 4)
    config = Config(commands=CommandsConfig(shadow=True))
    config.gripper.type, config.gripper.joints = "joint_state", ["finger"]
    config.limits.gripper_max = 0.08
    rig = LoopRig(spec, config)
    commander = rig.loop.commander
    assert commander.gripper
    commander.gripper.measure(0.06, rig.steady)
    rig.begin(OBSERVATIONS[0])
    for _ in range(3):
        rig.request_plan()
        stamp = rig.link.requests[-1].observation.stamp
        plan = np.tile([0.0, 0.0, 0.0, -0.02], (5, 1))
        planned = Planned(rig.loop.goal_id, stamp, plan, 0.5, [1.0], "done", True, 0.05)
        rig.loop.on_planned(planned, rig.now, rig.steady)
        rig.run(0.1, rig.observe_change, rig.pose)
    targets = [command.grip.target for command in rig.commands if command.grip]
    assert targets == pytest.approx([0.04] * len(targets))
    assert targets
