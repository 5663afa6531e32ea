"""From plans to commands: the stream between plans, the last gate, and what was sent."""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import Config, LimitsConfig
from wm_planner.control.limits import CommandGate, LimitViolation, Sent
from wm_planner.control.mapping import command_mapping, sends_velocity
from wm_planner.control.stream import CommandStream
from wm_planner.models import ModelSpec
from wm_planner.types import Vector

HISTORY = 10.0  # [s] how far back what was sent is remembered
STILL = 0.1  # [s] as long may ROS time stand still while the arm moves, as /clock at 10 Hz does
LONGEST = 2.0  # command periods that the stream goes on at once, after a delay of the node


@dataclass(frozen=True)
class Pose:
    """What is measured of the arm, in the space of the commands.

    Attributes:
        position: (3,) in the frame of the action [m], or one number per commanded joint [rad].
        orientation: Quaternion (x, y, z, w); of no meaning for joints.
        steady: When it came [s, steady clock].
    """

    position: Vector
    orientation: Vector
    steady: float


@dataclass(frozen=True)
class Command:
    """What the robot is told at one moment.

    Attributes:
        position: (3,) [m], or one number per joint [rad].
        velocity: The same per second; zero when ``stop``.
        orientation: Quaternion (x, y, z, w).
        stop: Whether the arm is to stay here until it is told otherwise.
    """

    position: Vector
    velocity: Vector
    orientation: Vector
    stop: bool = False


class Commander:
    """Drives the robot through one command stream.

    Times named ``now`` are ROS time [s]. The stream has a clock of its own, which stands still
    while no commands are sent: after a delay of the node the arm goes on where it was.

    Args:
        config: Commands and limits.
        spec: Says what an action means.
        publish: Sends a checked command to the robot.

    Raises:
        LimitsError: The configured limits make no sense.
        SpecError: Nobody says how an action becomes a command.
        ConfigError: The configured command cannot carry the model's actions.
    """

    def __init__(self, config: Config, spec: ModelSpec, publish: Callable[[Command], None]) -> None:
        commands = config.commands
        self.mapping = mapping = command_mapping(spec, commands)
        self.gate = CommandGate(config.limits, mapping.joints)
        self._publish = publish
        self._numbers = [spec.action.names.index(name) for name in mapping.position]
        self._dim, dt = spec.action.dim, 1 / spec.control_rate
        self._scale = dt if mapping.mode == "velocity" else 1.0
        self._stream = CommandStream(
            spec.frameskip, dt, mapping.mode != "absolute", commands.play_on, commands.blend
        )
        self._period = 1 / commands.rate
        self._blend_ticks = math.ceil(commands.blend * commands.rate)
        self._feedback = commands.feedback if sends_velocity(commands) else 0.0
        self.sent = 0
        count = len(mapping.position)
        self._last = Sent(np.zeros(count), np.zeros(count))
        self._forget()

    def _forget(self) -> None:
        self._stream.clear()
        self._history: deque[tuple[float, Vector]] = deque()
        self._clock, self._now, self._ticks = 0.0, 0.0, 0
        self._stopping = 0  # commands that are left of a smooth stop
        self._forgetting = False  # whether nothing goes on after the stop
        self._told = np.zeros_like(self._last.velocity)
        self._holding = False  # whether the arm waits for the next plan
        self._commanding = False  # whether a command was sent since the start
        self._measured: Pose | None = None

    @property
    def started(self) -> bool:
        """Whether commands have a place to start from."""
        return self._stream.started

    @property
    def moving(self) -> bool:
        """Whether the last command moved the arm."""
        return bool(self._last.velocity.any()) and self._commanding

    @property
    def told(self) -> Vector:
        """Where the arm was told to be last (n,) [m or rad]; before, where it was measured."""
        return self._last.position

    @property
    def stopping(self) -> bool:
        """Whether commands of a stop are still to come."""
        return self._stopping > 0

    def outside(self, pose: Pose) -> str:
        """Why no command may start at a pose, or an empty string."""
        if self.gate.contains(pose.position):
            return ""
        bounds = self.gate.bounds
        return (
            f"the arm is at {np.round(pose.position, 3).tolist()} {bounds.unit}, outside of "
            f"{bounds.box}: move it inside first"
        )

    def check(self, limits: LimitsConfig) -> CommandGate:
        """A gate with other limits.

        Raises:
            LimitsError: They make no sense.
        """
        return CommandGate(limits, self.mapping.joints)

    def apply(self, limits: LimitsConfig) -> None:
        """Use other limits; only between goals.

        Raises:
            LimitsError: They make no sense; nothing is changed.
        """
        gate = self.check(limits)
        gate.counters = self.gate.counters
        self.gate = gate

    def start(self, pose: Pose, now: float) -> None:
        """Begin the commands where the arm is; nothing is sent yet."""
        self._forget()
        self._measured, self._now = pose, now
        self._orientation = pose.orientation
        self._stream.start(pose.position, self._clock)
        self._last = Sent(pose.position, np.zeros_like(pose.position))
        self._told = self._last.velocity
        self._history.append((now, pose.position))

    def splice(self, actions: ArrayLike, stamp: float, now: float) -> None:
        """Go over to a plan; one that comes while the arm is being stopped is left out.

        Args:
            actions: Physical actions (horizon, frameskip * dim).
            stamp: Stamp of the image the plan was made from [s].
            now: Current time [s].
        """
        if self._stopping:
            return
        moves = np.asarray(actions).reshape(-1, self._dim)[:, self._numbers] * self._scale
        self._holding = False
        clock = self._clock + min(max(now - self._now, 0.0), LONGEST * self._period)
        self._stream.splice(moves, self.told_at(stamp), now - stamp, clock)

    def send(self, measured: Pose, now: float) -> None:
        """Send the command of this moment; called at the command rate.

        A stop that is under way goes on; then commands go on from its end.

        Raises:
            LimitViolation: The command may not be sent.
        """
        self._measured, self._forgetting = measured, False
        if self._stopping:
            self.settle(now)
            return
        self._ticks += 1
        # ROS time may come in steps longer than the period, or stand still for some.
        longest = max(LONGEST * self._period, min(LONGEST * self._period * self._ticks, STILL))
        dt = min(now - self._now, longest)
        if dt > 0:
            self._go(self._stream.at(self._clock + dt), dt, now)
        elif self._ticks * self._period > STILL and self.moving:
            self._brake(now)
            return
        self._tell(self._last.velocity)

    def hold(self, now: float) -> None:
        """Tell the arm to come to rest along the stream, until the next plan."""
        if not self._commanding or self._stopping:
            return
        self._stream.hold(self._clock)
        self._holding = True
        dt = min(now - self._now, self._period)
        if dt <= 0 and self.moving:  # ROS time stands still, and the stream with it
            self._brake(now)
            return
        if dt > 0:
            try:
                self._go(self._stream.at(self._clock + dt), dt, now)
            except LimitViolation:
                self._brake(now)
                return
        self._tell(self._last.velocity)

    def stop(self, now: float) -> None:
        """Tell the arm to stop, and forget where it was told to be: a new start is measured anew.

        The first command of the stop leaves at once, ``settle`` sends the others.
        """
        if not self._commanding:
            self._forget()
            return
        self._forgetting = True
        if not self._stopping:
            self._brake(now)

    def _brake(self, now: float) -> None:
        """Begin a stop with a command that leaves at once, as far on as the time since the last."""
        # As long as the limits demand, and at least as long as other changes of velocity.
        bounds = self.gate.bounds
        fastest = max(bounds.size(self._last.velocity), bounds.size(self._told))
        ticks = math.ceil(fastest / (bounds.acceleration * self._period))
        self._stopping = max(ticks, self._blend_ticks, 1) if ticks else 1
        dt = min(now - self._now, self._period)
        if ticks and dt > 0:
            self._go(self._last.position + self._last.velocity * dt, dt, now, stopping=True)
        if ticks:
            self._tell(self._last.velocity)
        else:
            self.settle(now)

    def settle(self, now: float) -> None:
        """Send the next command of a stop, if one is under way; at the command rate.

        The velocity of the last command goes to zero in equal parts, one for each call: ROS time
        stands still when a simulator dies. The last command repeats the place of the one before.
        """
        if not self._stopping:
            return
        velocity = self._last.velocity * ((self._stopping - 1) / self._stopping)
        self._stopping -= 1
        wanted = self._last.position + velocity * self._period
        self._go(wanted, self._period, now, stopping=True)
        if self._stopping:
            self._tell(self._last.velocity)
            return
        self._last = Sent(self._last.position, np.zeros_like(self._last.position))
        self._stream.start(self._last.position, self._clock)
        self._tell(self._last.velocity, stop=True)
        if self._forgetting:
            self._forget()

    def finish(self, now: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Send the rest of a stop now; takes ``commands.blend``, or what the limits demand.

        Args:
            now: Current time [s].
            sleep: Waits between the commands.
        """
        while self._stopping:
            sleep(self._period)
            self.settle(now)

    def told_at(self, stamp: float) -> Vector:
        """Where the arm had been told to be at a moment in the past (n,) [m or rad]."""
        i = bisect_right(self._history, stamp, key=lambda item: item[0])
        return self._history[max(i - 1, 0)][1]

    def _go(self, wanted: Vector, dt: float, now: float, *, stopping: bool = False) -> None:
        """Let the clock go on, and the last command be the wanted one as the limits allow it."""
        assert self._measured
        measured = None if stopping else self._measured.position
        self._last = self.gate.check(wanted, previous=self._last, measured=measured, dt=dt)
        self._clock += dt
        self._now, self._ticks = now, 0
        if self._history and now < self._history[-1][0]:
            self._history.clear()  # the clock went back
        self._history.append((now, self._last.position))
        while len(self._history) > 1 and self._history[0][0] < now - HISTORY:
            self._history.popleft()

    def _tell(self, velocity: Vector, *, stop: bool = False) -> None:
        if self._feedback and not stop:
            bounds = self.gate.bounds
            if self._measured and not (self._stopping or self._holding):
                error = self._last.position - self._measured.position
                velocity = self.gate.slow(velocity + self._feedback * error)
            velocity = bounds.within(velocity, self._told, bounds.acceleration * self._period)
        self._told = velocity
        self._publish(Command(self._last.position, velocity, self._orientation, stop))
        self._commanding = True
        self.sent += 1
