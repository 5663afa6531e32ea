"""Send random plans through the commander, and check every command that leaves it.

Each plan has random displacements, turns and widths, some of them absurd, not finite, or without a
rotation. It arrives late by a random time, and after a few commands the next one replaces it; now
and then the arm lags, jumps or is stopped, or the limits change. Every command is compared with the
limits by own arithmetic, and every refusal must be a sentence.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter

import numpy as np
from benchmark_parsers import make_benchmark_parser
from scipy.spatial.transform import Rotation

from wm_planner.cli.arguments import count, positive
from wm_planner.config import Config
from wm_planner.control import Commander, LimitViolation
from wm_planner.ending import explained
from wm_planner.models import ModelSpec
from wm_planner.models.spec import (
    ActionSpec,
    CommandMapping,
    GripperMapping,
    ImageSpec,
    Moments,
    RotationMapping,
    Statistics,
    Training,
    WeightsFile,
)
from wm_planner.types import Command, Pose

DOWN = np.array([1.0, 0.0, 0.0, 0.0])
START = np.array([0.5, 0.0, 0.4])
PERIOD = 0.02  # [s]
NAMES = ["x", "y", "z", "grip"]
FORMS = {
    "euler_extrinsic_xyz": 3,
    "euler_intrinsic_zyx": 3,
    "rotation_vector": 3,
    "quaternion_xyzw": 4,
    "rotation_6d_columns": 6,
}
SLACK = 1.002  # on speed and acceleration: the gate's own 1.001, and rounding


class Arm:
    """A commander with an arm that follows it, badly at times."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.found = rng, Counter[str]()
        convention = str(rng.choice(list(FORMS)))
        self.count = FORMS[convention]
        mode = str(rng.choice(["relative", "absolute"]))
        if convention == "rotation_vector" and rng.random() < 0.3:
            mode = "velocity"
        self.spec = spec_of(convention, mode, rng)
        self.config = Config()
        self.config.gripper.type, self.config.gripper.joints = "joint_state", ["finger"]
        self.config.commands.type = str(rng.choice(["pose_stamped", "twist_stamped"]))
        self.draw_limits()
        self.sent: list[Command] = []
        self.commander = Commander(self.config, self.spec, self.take)
        self.commander.gripper.measure(0.05, 0.0)
        self.now, self.measured = 0.0, Pose(START, DOWN, 0.0)
        self.last: Command | None = None
        self.speeds: tuple[np.ndarray, np.ndarray] | None = None
        self.when = math.nan

    def draw_limits(self) -> None:
        rng, limits = self.rng, self.config.limits
        limits.workspace_min, limits.workspace_max = [0.2, -0.4, 0.05], [0.8, 0.4, 0.8]
        limits.orientation = DOWN.tolist()
        limits.max_tilt, limits.max_twist = rng.uniform(0.05, 2.4), rng.uniform(0.1, 3.1416)
        limits.max_speed, limits.max_acceleration = rng.uniform(0.05, 1.0), rng.uniform(1.0, 20.0)
        limits.max_angular_speed = rng.uniform(0.1, 3.0)
        limits.max_angular_acceleration = rng.uniform(1.0, 30.0)
        limits.gripper_min, limits.gripper_max = 0.01, 0.07
        limits.policy = str(rng.choice(["clamp", "refuse"], p=[0.8, 0.2]))

    def take(self, command: Command) -> None:
        """Check a command."""
        limits = self.config.limits
        numbers = [command.position, command.orientation, command.velocity]
        assert all(np.isfinite(part).all() for part in (*numbers, command.angular_velocity))
        assert abs(np.linalg.norm(command.orientation) - 1) < 1e-9
        assert np.linalg.norm(command.velocity) <= SLACK * limits.max_speed + 1e-9
        angular = np.linalg.norm(command.angular_velocity)
        assert angular <= SLACK * limits.max_angular_speed + 1e-9
        self.check_region(command)
        if self.last is not None and self.now > self.when:
            self.check_motion(command, self.now - self.when)
        if command.grip:
            assert limits.gripper_min <= command.grip.width <= limits.gripper_max
            assert limits.gripper_min <= command.grip.target <= limits.gripper_max
        self.last, self.when = command, self.now
        self.found["commands"] += 1

    def check_region(self, command: Command) -> None:
        limits = self.config.limits
        assert (command.position >= np.array(limits.workspace_min) - 1e-8).all()
        assert (command.position <= np.array(limits.workspace_max) + 1e-8).all()
        x, y, z, w = (Rotation.from_quat(DOWN).inv() * Rotation.from_quat(command.orientation)
                      ).as_quat()  # fmt: skip
        tilt, twist = 2 * math.atan2(math.hypot(x, y), math.hypot(z, w)), 2 * math.atan2(z, w)
        twist -= 2 * math.pi * round(twist / (2 * math.pi))
        assert tilt <= limits.max_tilt + 1e-6, (tilt, limits.max_tilt)
        assert abs(twist) <= limits.max_twist + 1e-6 or limits.max_twist > 3.14

    def check_motion(self, command: Command, dt: float) -> None:
        limits, last = self.config.limits, self.last
        turn = Rotation.from_quat(command.orientation) * Rotation.from_quat(last.orientation).inv()
        speeds = (command.position - last.position) / dt, turn.as_rotvec() / dt
        assert np.linalg.norm(speeds[0]) <= SLACK * limits.max_speed + 1e-6
        assert np.linalg.norm(speeds[1]) <= SLACK * limits.max_angular_speed + 1e-6
        assert float(command.orientation @ last.orientation) > 0, "a flipped quaternion"
        if self.speeds is not None:
            bounds = limits.max_acceleration, limits.max_angular_acceleration
            for before, after, most in zip(self.speeds, speeds, bounds, strict=True):
                assert np.linalg.norm(after - before) <= SLACK * most * dt * 1.01 + 1e-6
        self.speeds = speeds

    def restart(self) -> None:
        """Let the arm come to rest, and begin anew inside the limits, which change at times."""
        commander = self.commander
        commander.stop(self.now)
        while commander.slowing:
            self.now += PERIOD
            commander.settle(self.now)
        if self.rng.random() < 0.3:
            self.draw_limits()
            commander.apply(self.config.limits)
        self.measured = Pose(START, DOWN, 0.0)
        self.last = self.speeds = None
        commander.start(self.measured, self.now)

    def plan(self) -> np.ndarray:
        rng = self.rng
        scale = 10 ** rng.uniform(-3, 1, 4)
        actions = np.hstack(
            [
                rng.normal(size=(5, 3)) * scale[0],
                rng.normal(size=(5, self.count)) * scale[1],
                rng.normal(size=(5, 1)) * scale[2],
            ]
        )
        if self.spec.action.command.mode == "absolute":
            actions[:, :3] += START
        kind = rng.random()
        if kind < 0.03:
            row, column = rng.integers(5), rng.integers(actions.shape[1])
            actions[row, column] = rng.choice([math.nan, math.inf, -math.inf, 1e9, -1e300])
        elif kind < 0.04:
            actions[:, 3:-1] = 0.0
        return actions

    def run(self) -> None:
        """Play one plan."""
        rng, commander = self.rng, self.commander
        self.found["plans"] += 1
        actions = self.plan()
        if why := commander.actions.unusable(actions):
            assert " " in why
            self.found["unusable"] += 1
            return
        commander.splice(actions, self.now - rng.uniform(0, 0.5), self.now, self.measured)
        for _ in range(rng.integers(3, 12)):
            self.now += PERIOD
            if self.sent_pose(rng.random()):
                return

    def sent_pose(self, chance: float) -> bool:
        """Send a command, and let the arm follow; return whether the arm was stopped."""
        if self.last is not None:
            position, orientation = self.last.position, self.last.orientation
            if chance < 0.01:  # it lags
                position = position + self.rng.normal(size=3) * 0.05
            elif chance < 0.012:  # it jumps
                position = position + self.rng.normal(size=3)
            elif chance < 0.014:
                orientation = Rotation.random(rng=self.rng).as_quat()
            self.measured = Pose(position, orientation, 0.0)
        try:
            self.commander.send(self.measured, self.now, pace=1.0 if chance < 0.9 else 0.3)
        except LimitViolation as error:
            why = str(error)
        else:
            return False
        assert why[0].islower(), why
        assert len(why.split()) > 5, why
        self.found["refused"] += 1
        self.restart()
        return True


def spec_of(convention: str, mode: str, rng: np.random.Generator) -> ModelSpec:
    turns = [f"r{i}" for i in range(FORMS[convention])]
    frame = "base" if mode == "absolute" else str(rng.choice(["base", "tool"]))
    rotation = RotationMapping(turns, convention, frame=frame)
    gripper = GripperMapping("grip", "width", str(rng.choice(["absolute", "relative"])), 0.0, 0.08)
    command = CommandMapping(
        mode,
        NAMES[:3],
        rotation=rotation,
        gripper=gripper,
        reference=str(rng.choice(["commanded", "measured"])),
    )
    units = [command.unit] * 3 + [rotation.unit(mode)] * len(turns) + [gripper.unit]
    count = len(units)
    return ModelSpec(
        name="random",
        family="latent",
        weights=WeightsFile("0" * 64),
        image=ImageSpec(size=64),
        action=ActionSpec([*NAMES[:3], *turns, "grip"], units, "base", command=command),
        statistics=Statistics(Moments([0.0] * count, [1.0] * count)),
        training=Training(1, 1, 0),
        control_rate=5.0,
    )


def make_parser() -> argparse.ArgumentParser:
    parser = make_benchmark_parser("random_plans", __doc__, "--plans 100000 --seed 0")
    add = parser.add_argument
    add(
        "--plans", type=positive, default=100_000, metavar="N", help="number of plans (%(default)s)"
    )
    add("--seed", type=count, default=0, metavar="N", help="seed of the first arm (%(default)s)")
    return parser


def main(arguments: list[str] | None = None) -> Counter[str]:
    """Play plans with many arms; print and return what happened."""
    options = make_parser().parse_args(arguments)
    begin, found, seed = time.monotonic(), Counter[str](), options.seed
    while found["plans"] < options.plans:
        arm = Arm(np.random.default_rng(seed))
        arm.commander.start(arm.measured, 0.0)
        try:
            for _ in range(min(500, options.plans - found["plans"])):
                arm.run()
                if arm.rng.random() < 0.05:
                    arm.restart()
        except BaseException:
            print(f"arm {seed} after {arm.found['plans']} plans: {arm.config.limits}")
            raise
        counters = arm.commander.gate.counters
        found += arm.found
        found["clamped"] += counters.clamped
        seed += 1
    print(", ".join(f"{count} {name}" for name, count in sorted(found.items())))
    print(f"nothing outside the limits; {time.monotonic() - begin:.0f} s")
    return found


if __name__ == "__main__":
    with explained("random_plans"):
        main()
