"""Joints that are commanded by the actions: they keep the hand in the workspace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms import HOME, panda

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import LimitsError
from wm_planner.control.hand_gate import HandGate
from wm_planner.control.part_gate import Sent
from wm_planner.types import Pose

ARM = panda()
ORDER = [3, 0, 6, 2, 1, 5, 4]  # of the actions
NAMES = [ARM.joints[i] for i in ORDER]
LIMITS = LimitsConfig(workspace_min=[0.25, -0.1, 0.4], workspace_max=[0.4, 0.1, 0.6])
START = HOME[ORDER]


def _hand(joints: np.ndarray) -> np.ndarray:
    return ARM.pose(joints[np.argsort(ORDER)])[:3]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_wanted_the_hand_stays_in_the_workspace(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gate = HandGate(LIMITS, NAMES, ARM, grips=False)
    sent = Sent(START, np.zeros(7))
    for _ in range(10):
        wanted = START + rng.uniform(-0.5, 0.5, 7)
        for _ in range(15):
            sent = gate.check(wanted, previous=sent, measured=sent.point, dt=0.02)
            hand = _hand(sent.point)
            assert (hand >= np.array(LIMITS.workspace_min) - 1e-3).all()
            assert (hand <= np.array(LIMITS.workspace_max) + 1e-3).all()
            assert np.abs(sent.velocity).max() <= 1.0011 * LIMITS.max_joint_speed


def test_joints_that_would_bring_the_hand_outside_are_held_back() -> None:
    on = np.array([0.01, 0, 0, 0, 0.01, 0, 0])
    gate = HandGate(LIMITS, NAMES, ARM, grips=False)
    sent = Sent(START, np.zeros(7))
    for _ in range(200):
        wanted = sent.point + on
        sent = gate.check(wanted, previous=sent, measured=sent.point, dt=0.02)
    assert np.abs(sent.velocity).max() < 0.01, "it rests at the edge"
    assert gate.counters.limits["box"] > 0


def test_a_goal_may_not_start_with_the_hand_outside() -> None:
    gate = HandGate(LIMITS, NAMES, ARM, grips=False)
    rest = np.array([1.0, 0, 0, 0])
    assert gate.why_outside(Pose(START, rest, 0.0)) == ""
    turned = START + np.array([0, 0.8, 0, 0, 0, 0, 0])
    said = gate.why_outside(Pose(turned, rest, 0.0))
    assert "the arm's hand at" in said
    assert "limits.workspace_min" in said


def test_other_joints_than_the_arm_s_are_refused() -> None:
    with pytest.raises(LimitsError, match=r"the actions move panda_joint4"):
        HandGate(LIMITS, NAMES[:3], ARM, grips=False)
    with pytest.raises(LimitsError, match=r"limits\.workspace_min"):
        HandGate(replace(LIMITS, workspace_min=[], workspace_max=[]), NAMES, ARM, grips=False)
