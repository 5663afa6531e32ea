"""A model that looks back gets the frames of its last steps, and what the arm did between them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from loop_rig import OBSERVATIONS, LoopRig

from wm_planner.config import Config, ConfigError, ModelConfig
from wm_planner.models import ModelSpec
from wm_planner.models.spec import GripperMapping, Moments
from wm_planner.types import Command, Observation, Past, Pose
from wm_planner.worker import Planned

PERIOD = 0.04  # [s] between two images
STEP = 0.4  # [s] a model step of two environment steps


class PastRig(LoopRig):
    """A loop whose arm follows its commands, with a camera at 25 Hz."""

    def __init__(
        self,
        spec: ModelSpec,
        config: Config | None = None,
        frames: int = 3,
        stamped: bool = True,
        **commands: Any,
    ) -> None:
        spec = replace(spec, num_hist=frames, frameskip=2)
        self.stamped = stamped
        config = config or Config()
        config.model = ModelConfig(history="real")
        for name, value in commands.items():
            setattr(config.commands, name, value)
        self.path: list[tuple[float, np.ndarray]] = []
        self.every, self._frames = PERIOD, 0.0
        super().__init__(spec, config)

    def on_command(self, command: Command) -> None:
        self.path.append((self.now, command.position))
        super().on_command(command)

    def follow(self) -> None:
        """Measure the arm at the last command, and show an image when one is due."""
        if self.commands and not self.loop.commander.shadow:
            self.position = self.commands[-1].position
        self.pose()
        if self.now >= self._frames - 1e-9:
            self._frames = self.now + self.every
            self.show()

    def pose(self) -> None:
        stamp = self.now if self.stamped else math.nan
        self.loop.on_pose(Pose(self.position, self.orientation, self.steady, stamp), self.now)

    def show(self) -> None:
        self.observe_change()

    def plan(self, *actions: float) -> Past:
        """Request a plan from an image, let the arm follow these steps, and return its past."""
        self.link.idle = True
        self.show()
        self.link.idle = False
        past = self.link.requests[-1].past
        plan = np.tile(np.repeat(actions, 3), (5, 1))
        stamp = self.link.requests[-1].observation.stamp
        planned = Planned(self.loop.goal_id, stamp, plan, 0.5, [1.0], "done", True, 0.05)
        self.loop.on_planned(planned, self.now, self.steady)
        return past

    def go(self, seconds: float) -> None:
        self.run(seconds, self.follow)

    def moved(self, begin: float, end: float) -> np.ndarray:
        """How far the commands have moved the arm from one time to another."""
        times = np.array([time for time, _ in self.path])
        points = np.array([point for _, point in self.path])
        at = [np.array([np.interp(t, times, axis) for axis in points.T]) for t in (begin, end)]
        return np.asarray(at[1] - at[0])


@pytest.fixture
def rig(spec: ModelSpec) -> PastRig:
    return PastRig(spec)


def test_frames_are_one_model_step_apart_with_the_motion_between_them(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    pasts = []
    for actions in ([0.02, 0.0], [0.0, 0.03], [-0.01, 0.0]):
        pasts.append(rig.plan(*actions))
        rig.go(STEP)
    rig.go(0.02)
    pasts.append(rig.plan(0.0, 0.0))
    assert [len(past.observations) for past in pasts] == [0, 1, 2, 2]
    for past, request in zip(pasts[1:], rig.link.requests[1:], strict=True):
        stamps = [one.stamp for one in (*past.observations, request.observation)]
        np.testing.assert_allclose(np.diff(stamps), STEP, atol=PERIOD)
        assert past.actions.shape == (len(past.observations), 6)
        for row, begin, end in zip(past.actions, stamps, stamps[1:], strict=False):
            middle = (begin + end) / 2
            expected = [*rig.moved(begin, middle), *rig.moved(middle, end)]
            np.testing.assert_allclose(row, expected, atol=1e-4)
    assert pasts[2].actions[0, 0] > 2 * pasts[2].actions[0, 3] > 0, "first step first"


def test_without_the_setting_a_plan_sees_one_image(spec: ModelSpec) -> None:
    rig = LoopRig(replace(spec, num_hist=3))
    rig.begin(OBSERVATIONS[0])
    for _ in range(5):
        rig.step(0.5)
    assert all(not request.past.observations for request in rig.link.requests)


@pytest.mark.parametrize("mode", ["commanded", "measured", "shadow"])
def test_what_was_seen_before_the_goal_does_not_count(spec: ModelSpec, mode: str) -> None:
    assert spec.action.command
    spec.action.command.reference = "measured" if mode == "measured" else "commanded"
    rig = PastRig(spec, shadow=mode == "shadow")
    rig.go(2.0)
    rig.begin(OBSERVATIONS[0])
    assert not rig.plan(0.01, 0.01).observations
    rig.go(0.2)
    assert not rig.plan(0.01, 0.01).observations
    assert not rig.loop.requests.past.problem


def test_a_goal_that_preempts_another_knows_what_was_seen(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.01, 0.0)
    rig.go(2 * STEP + 0.02)
    rig.begin(OBSERVATIONS[1])
    assert len(rig.plan(0.0, 0.0).observations) == 2


def test_a_goal_after_a_stop_does_not(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.01, 0.0)
    rig.go(3 * STEP)
    rig.loop.stop(rig.now, "a person asked for it")
    rig.go(0.5)
    rig.loop.release()
    rig.begin(OBSERVATIONS[0])
    assert not rig.plan(0.0, 0.0).observations


@pytest.mark.parametrize("every", [0.7, 2.0])
def test_a_slow_camera_is_named(rig: PastRig, every: float) -> None:
    rig.every = every
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(2 * every - 0.1)
    assert not rig.plan(0.0, 0.0).observations
    problem = rig.loop.requests.past.problem
    assert problem.startswith("model.history is real, but plans are made from only 1 of 3 images")
    rig.every = PERIOD
    rig.go(3 * STEP)
    assert len(rig.plan(0.0, 0.0).observations) == 2
    assert not rig.loop.requests.past.problem


def test_a_bad_image_is_not_looked_back_at(rig: PastRig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(STEP)
    black = Observation((np.zeros((96, 96, 3), np.uint8),), stamp=rig.now)
    for _ in range(25):
        rig.wait(0.02)
        rig.loop.requests.observe(replace(black, stamp=rig.now), frozen=False)
    past = rig.plan(0.0, 0.0)
    assert not past.observations
    assert "one good image per model step" in rig.loop.requests.past.problem


def test_a_frozen_image_is_not_looked_back_at(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(STEP)
    for _ in range(25):
        rig.wait(0.02)
        observation = replace(OBSERVATIONS[0], stamp=rig.now)
        rig.loop.requests.observe(observation, frozen=True)
    assert not rig.plan(0.0, 0.0).observations


def test_images_of_another_size_are_not_looked_back_at(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(3 * STEP)
    wide = Observation((OBSERVATIONS[0].images[0][:, :80].copy(),), stamp=rig.now)
    assert not rig.loop.requests.past.before(wide).observations


def test_a_clock_that_went_back_forgets_everything(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(3 * STEP)
    past = rig.loop.requests.past
    newest = replace(OBSERVATIONS[0], stamp=rig.now)
    assert len(past.before(newest).observations) == 2
    past.add(replace(OBSERVATIONS[0], stamp=rig.now - STEP))
    assert len(past.before(newest).observations) == 1, "only what was seen since"


def test_few_images_are_kept(rig: PastRig) -> None:
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(5 * STEP)
    assert len(rig.loop.requests.past._seen) <= 4 * 2.5 + 1


def test_in_shadow_mode_what_was_measured_counts(spec: ModelSpec) -> None:
    rig = PastRig(spec, shadow=True)
    rig.begin(OBSERVATIONS[0])
    speed = 0.05
    for _ in range(3):
        rig.plan(-0.02, -0.02)  # nobody follows
        for _ in range(20):
            rig.position = rig.position + np.array([0.02 * speed, 0.0, 0.0])
            rig.go(0.02)
    past = rig.plan(-0.02, -0.02)
    assert len(past.observations) == 2
    each = [0.2 * speed, 0.0, 0.0]
    np.testing.assert_allclose(past.actions, [each * 2] * 2, atol=0.15 * each[0])


def gripping(spec: ModelSpec) -> Config:
    """Let the actions of a spec move a gripper; return settings that have one."""
    config = Config()
    config.gripper.type, config.gripper.joints = "joint_state", ["finger"]
    config.limits.gripper_min, config.limits.gripper_max = 0.0, 0.08
    config.limits.max_gripper_speed = 0.1
    action = spec.action
    assert action.command
    gripper = GripperMapping("grip", "width", "absolute", closed=0.0, open=0.08)
    spec.action = replace(
        action,
        names=[*action.names, "grip"],
        units=["m"] * 4,
        lower=[],
        upper=[],
        command=replace(action.command, gripper=gripper),
    )
    spec.statistics.action = Moments([0.0] * 4, [1.0] * 4)
    return config


def test_in_shadow_mode_nobody_knows_what_the_gripper_was_told(spec: ModelSpec) -> None:
    config = gripping(spec)
    with pytest.raises(ConfigError, match=r"in shadow mode .* of the gripper are unknown"):
        PastRig(spec, config, shadow=True)


def test_the_past_ends_where_nobody_knows_what_the_gripper_was_told(spec: ModelSpec) -> None:
    rig = PastRig(spec, gripping(spec))
    rig.begin(OBSERVATIONS[0])
    rig.go(3 * STEP)  # the first plan takes long, so the gripper was told nothing
    counts = []
    for _ in range(3):
        rig.link.idle = True
        rig.show()
        rig.link.idle = False
        request = rig.link.requests[-1]
        counts.append(len(request.past.observations))
        assert np.isfinite(request.past.actions).all()
        plan = np.tile([0.0, 0.0, 0.0, 0.04], (5, 2))
        answer = rig.loop.goal_id, request.observation.stamp, plan, 0.5, [1.0], "done", True, 0.05
        rig.loop.on_planned(Planned(*answer), rig.now, rig.steady)
        rig.go(STEP)
    assert counts == [0, 1, 2]
    assert request.past.actions[:, [3, 7]] == pytest.approx(0.04)


def test_an_image_from_before_the_goal_does_not_count(rig: PastRig) -> None:
    rig.every = 10.0
    rig.begin(OBSERVATIONS[0])
    past = rig.loop.requests.past
    past.add(replace(OBSERVATIONS[0], stamp=rig.now - 0.1))
    rig.run(STEP - 0.1, rig.pose)
    assert not past.before(replace(OBSERVATIONS[1], stamp=rig.now)).observations
    assert not past.problem


def test_a_model_that_looks_at_one_image_is_refused(spec: ModelSpec) -> None:
    with pytest.raises(ConfigError, match=r"looks at one image at a time \(num_hist 1\)"):
        LoopRig(spec, Config(ModelConfig(history="real")))


@pytest.mark.parametrize(("frames", "every"), [(4, 0.48), (5, 0.48), (6, 0.44)])
def test_images_that_are_all_a_little_too_far_apart_are_found(
    spec: ModelSpec, frames: int, every: float
) -> None:
    rig = PastRig(spec, frames=frames)
    rig.every = every
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(frames * every + 1.0)
    rig.link.idle = True
    rig.go(every)
    assert len(rig.link.requests[-1].past.observations) == frames - 1


def test_a_model_that_looks_back_for_too_long_is_refused(spec: ModelSpec) -> None:
    assert spec.action.command
    spec.action.command.step_time = 3.0
    with pytest.raises(ConfigError, match=r"looks back for 12 s, and the node for 8 s at most"):
        PastRig(spec)


def test_poses_without_stamps_are_named(spec: ModelSpec) -> None:
    rig = PastRig(spec, shadow=True, stamped=False)
    rig.begin(OBSERVATIONS[0])
    rig.plan(0.0, 0.0)
    rig.go(3 * STEP)
    assert not rig.plan(0.0, 0.0).observations
    assert "they need stamps" in rig.loop.requests.past.problem
