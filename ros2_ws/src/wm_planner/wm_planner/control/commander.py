"""Turn plans into commands: play them, check each command, and remember what was sent."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import Config, LimitsConfig
from wm_planner.control.action_mapping import ActionMapping
from wm_planner.control.feedback import VelocityFeedback
from wm_planner.control.gate import CommandGate, LimitViolation
from wm_planner.control.history import CommandHistory
from wm_planner.control.modes import FOLLOWING, SLOWING, TRANSITIONS, Event, Mode
from wm_planner.control.part_gate import Sent
from wm_planner.control.stream import CommandStream
from wm_planner.control.time_scale import TimeScale
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Pose, Vector
from wm_planner.worker import Planned

MAX_CLOCK_STALL = 0.1  # [s] tolerated stall of ROS time while the arm moves (/clock at 10 Hz)
RESTED = 1e-6  # [m or rad] a commanded point that differs by less rests
MAX_PERIODS = 2.0  # command periods by which the stream advances at most after a delay


class Commander:
    """Drives the robot through one command stream.

    Times named ``now`` are ROS time [s]. The stream has its own clock, which stands still while no
    commands are sent, so that the arm continues from where it was after a delay of the node. The
    clock also sets the speed: it runs at ``time_scale``, which changes so slowly that the arm keeps
    to ``commands.blend`` and to the limit of acceleration, and is 0 while the arm holds.

    Args:
        config: Commands and limits.
        spec: Defines the actions.
        publish: Sends a checked command to the robot.

    Raises:
        LimitsError: The configured limits are invalid.
        SpecError: Neither ``model.yaml`` nor the settings define how an action becomes a command.
        ConfigError: The configured command type cannot carry the model's actions.

    Attributes:
        shadow: Whether nobody follows the commands, see ``ShadowCommander``.
        mode: What the commander is doing; see ``TRANSITIONS``.
        time_scale: Sets the speed.
        sent: Number of commands sent.
    """

    shadow = False

    def __init__(self, config: Config, spec: ModelSpec, publish: Callable[[Command], None]) -> None:
        commands = config.commands
        self.actions = ActionMapping(spec, commands)
        self.gate = self.check(config.limits)
        self._publish, self._space = publish, self.gate.space
        self._stream = CommandStream(
            self._space, spec.frameskip, self.actions.step_time, commands.extra_time, commands.blend
        )
        self._period = 1 / commands.rate
        self._blend_ticks = math.ceil(commands.blend * commands.rate)
        self._feedback = VelocityFeedback(commands)
        self.time_scale = TimeScale(commands.speed_override / 100, commands.blend)
        self.sent = 0
        self._history = CommandHistory()
        self._last = Sent(np.zeros(0), np.zeros(self._space.moves))
        self._reset()

    def _reset(self) -> None:
        """Become idle: the next goal starts from a measured position."""
        self.mode = Mode.IDLE
        self._stream.clear()
        self._history.clear()
        self._clock, self._now, self._ticks = 0.0, 0.0, 0
        self.time_scale.restart()
        self._brakes_left = 0  # commands until the arm is at rest
        self._feedback.rest(self._space.moves)
        self._measured: Vector | None = None

    @property
    def started(self) -> bool:
        """Whether commands have a position to start from."""
        return self.mode is not Mode.IDLE

    @property
    def commanded(self) -> bool:
        """Whether a command was sent since the start, which the arm follows."""
        return self.mode not in (Mode.IDLE, Mode.READY)

    @property
    def moving(self) -> bool:
        """Whether the last command moved the arm."""
        return self.mode in FOLLOWING | SLOWING and bool(self._last.velocity.any())

    @property
    def slowing(self) -> bool:
        """Whether commands that bring the arm to rest remain to be sent."""
        return self.mode in SLOWING

    @property
    def commanded_point(self) -> Vector:
        """The last commanded point (n,) of ``gate.space``; before the first, the measured one."""
        return self._last.point

    def commanded_point_at(self, stamp: float) -> Vector:
        """Return the point (n,) that was commanded at a past ROS time [s]."""
        return self._history.at(stamp)

    def rested_since(self, stamp: float) -> bool:
        """Return whether the arm is commanded to where it was at a past ROS time [s]."""
        return bool(np.allclose(self._history.at(stamp), self._last.point, rtol=0, atol=RESTED))

    def check(self, limits: LimitsConfig) -> CommandGate:
        """Return a gate with other limits.

        Raises:
            LimitsError: The limits are invalid.
        """
        command = self.actions.command
        return CommandGate(limits, command.joints, turns=command.rotation is not None)

    def apply(self, limits: LimitsConfig) -> None:
        """Use other limits; only between goals.

        Raises:
            LimitsError: The limits are invalid; nothing is changed.
        """
        gate = self.check(limits)
        gate.counters = self.gate.counters
        self.gate = gate

    def start(self, pose: Pose, now: float) -> None:
        """Start at a measured pose, again if no command was sent since; nothing is sent yet."""
        self._enter(Event.START)
        point = self._space.point(pose)
        self._measured, self._now = point, now
        self._stream.start(point, self._clock)
        self._last = Sent(point, np.zeros(self._space.moves))
        self._history.add(now, self._clock, point)

    def follow(self, plan: Planned, measured: Pose | None, then: Pose | None, now: float) -> None:
        """Switch to a plan, or ignore it if the arm is slowing.

        Args:
            plan: The plan.
            measured: The newest measured pose; None if there is none.
            then: The pose that was measured at the plan's image; None if unknown.
            now: Current time [s].
        """
        self.splice(plan.actions, plan.stamp, now, then or measured)

    def splice(
        self, actions: ArrayLike, stamp: float, now: float, measured: Pose | None = None
    ) -> None:
        """Switch to a plan, or ignore it if the arm is slowing.

        Args:
            actions: Physical actions (horizon, frameskip * dim), not ``unusable``.
            stamp: Stamp of the image the plan was made from [s].
            now: Current time [s].
            measured: Where a plan that refers to the measured pose begins.
        """
        if self.slowing:
            return
        start, clock = self._history.at(stamp), self._clock
        if measured and self.actions.command.reference == "measured":
            start = self._space.aligned(self._space.point(measured), start)
        path = self.actions.path(actions, start)
        self._enter(Event.PLAN)
        passed = min(max(now - self._now, 0.0), MAX_PERIODS * self._period)
        clock += self.time_scale.value * passed
        self._stream.splice(path, start, clock - self._history.clock_at(stamp), clock)

    def send(self, measured: Pose, now: float, pace: float = 1.0) -> None:
        """Send the command that is due now; called at the command rate.

        If the arm is slowing, it first comes to rest, and the goal continues from there.

        Args:
            measured: The newest measured pose.
            now: Current time [s].
            pace: Share of the speed that the override allows, 0 to 1.

        Raises:
            LimitViolation: The command may not be sent.
        """
        self._measured = self._space.point(measured)
        if self.slowing:
            self._enter(Event.COMMAND)
            self.settle(now)
            return
        self._ticks += 1
        # ROS time may come in steps longer than the period, or stand still for a while.
        longest = MAX_PERIODS * self._period
        longest = max(longest, min(longest * self._ticks, MAX_CLOCK_STALL))
        dt = min(now - self._now, longest)
        if dt > 0:
            self._play(pace, dt, now)
        elif self.moving:
            # What is late while ROS time stands still will not come: do not wait for the stall.
            tolerated = self._period if pace < 1 else MAX_CLOCK_STALL
            if self._ticks * self._period > tolerated:
                self._brake(Event.BRAKE, now)
                return
        self._send(self._last.velocity)
        self._enter(Event.COMMAND)

    def hold(self, now: float) -> None:
        """Bring the arm to rest along its path, where it stays until the next plan."""
        self._enter(Event.HOLD)
        if self.mode is not Mode.HOLDING:
            return  # it does not move, or is slowing already
        dt = min(now - self._now, self._period)
        if dt <= 0 and self.moving:  # ROS time stands still, and the stream with it
            self._brake(Event.BRAKE, now)
            return
        if dt > 0:
            try:
                self._play(0.0, dt, now)
            except LimitViolation:
                self._brake(Event.BRAKE, now)
                return
        self._send(self._last.velocity)

    def stop(self, now: float) -> None:
        """Bring the arm to rest, and then command nothing.

        The first command of the stop is sent at once; ``settle`` sends the others.
        """
        if self.mode in FOLLOWING:
            self._brake(Event.STOP, now)
        else:
            self._enter(Event.STOP)

    def settle(self, now: float) -> None:
        """Send the next command that slows the arm, if it is slowing; called at the command rate.

        Each call reduces the velocity by the same amount, without using ROS time, which stands
        still if a simulator dies. The last command repeats the position of the one before it.
        """
        if not self.slowing:
            return
        left = self._brakes_left - 1  # counts only when the command was sent
        velocity = self._last.velocity * (left / self._brakes_left)
        wanted = self._space.moved(self._last.point, velocity * self._period)
        self._advance(wanted, self._period, self._period, now, slowing=True)
        if left:
            self._send(self._last.velocity)
            self._brakes_left = left
            return
        self._last = Sent(self._last.point, np.zeros(self._space.moves))
        self._stream.start(self._last.point, self._clock)
        self.time_scale.rest()
        self._send(self._last.velocity, stop=True)
        self._enter(Event.REST)

    def finish(self, now: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Send the rest of a stop now.

        Blocks for ``commands.blend``, or longer if the limits demand it.

        Args:
            now: Current time [s].
            sleep: Waits between the commands.
        """
        while self.slowing:
            sleep(self._period)
            self.settle(now)

    def close(self) -> None:
        """Release what the commander holds; it is not used afterward."""

    @property
    def problems(self) -> list[str]:
        """What to say about the commands, as sentences."""
        return []

    def _enter(self, event: Event) -> None:
        self.mode = TRANSITIONS[self.mode, event]
        if self.mode is Mode.IDLE:
            self._reset()

    def _brake(self, event: Event, now: float) -> None:
        """Start to slow; the first command is sent at once, for the time since the last one."""
        # As long as the limits demand, and from the planned speed at least for ``commands.blend``.
        velocities, gate = (self._last.velocity, self._feedback.commanded), self.gate
        ticks = math.ceil(max(map(gate.time_to_rest, velocities)) / self._period)
        share = self.time_scale.value
        if event is Event.BRAKE:  # something is late: no smoother than from full speed
            share = min(share, max(map(gate.share_of_speed, velocities)))
        blend = math.ceil(share * self._blend_ticks)
        self._brakes_left = max(ticks, blend) if ticks else 1
        self._enter(event)
        dt = min(now - self._now, self._period)
        if ticks and dt > 0:
            ahead = self._space.moved(self._last.point, self._last.velocity * dt)
            self._advance(ahead, dt, dt, now, slowing=True)
        if ticks:
            self._send(self._last.velocity)
        else:
            self.settle(now)

    def _play(self, pace: float, dt: float, now: float) -> None:
        """Go on along the path for a time [s], at a pace that changes with the time scale."""
        pace = 0.0 if self.mode is Mode.HOLDING else pace
        scale = self.time_scale.next(pace, dt, self._last.velocity, self.gate)
        self._advance(self._stream.at(self._clock + scale * dt), scale * dt, dt, now)
        self.time_scale.value = scale

    def _advance(
        self, wanted: Vector, passed: float, dt: float, now: float, *, slowing: bool = False
    ) -> None:
        """Set the last command to the wanted point within the limits, and advance the clock.

        Args:
            wanted: Point (n,).
            passed: Time of the stream since the last command [s].
            dt: Time since the last command [s].
            now: Current time [s].
            slowing: Whether the arm slows, wherever it is measured.
        """
        measured = None if slowing else self._measured
        self._last = self.gate.check(wanted, previous=self._last, measured=measured, dt=dt)
        self._clock += passed
        self._now, self._ticks = now, 0
        self._history.add(now, self._clock, self._last.point)

    def _send(self, velocity: Vector, *, stop: bool = False) -> None:
        point, error = self._last.point, None
        if self._measured is not None and self.mode in (Mode.READY, Mode.TRACKING):
            # An arm that is slowed does not hurry back either.
            error = self._space.between(self._measured, point) * self.time_scale.value
        velocity = self._feedback.velocity(velocity, error, self.gate, stop=stop)
        self._publish(self._space.command(point, velocity, stop=stop))
        self.sent += 1
