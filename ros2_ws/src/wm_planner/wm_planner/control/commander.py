"""Turn plans into commands: play them, check each command, and remember what was sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import Config, LimitsConfig
from wm_planner.control.action_mapping import ActionMapping
from wm_planner.control.braking import Braking
from wm_planner.control.feedback import VelocityFeedback
from wm_planner.control.gate import CommandGate, LimitViolation
from wm_planner.control.gates import make_gate
from wm_planner.control.gripper_receiver import check_gripper
from wm_planner.control.history import RESTED, CommandHistory
from wm_planner.control.modes import FOLLOWING, SLOWING, TRANSITIONS, Event, Mode
from wm_planner.control.part_gate import Sent
from wm_planner.control.stream import CommandStream
from wm_planner.control.stream_clock import MAX_CLOCK_STALL, StreamClock
from wm_planner.control.time_scale import TimeScale
from wm_planner.kinematics import Arm
from wm_planner.models import ModelSpec
from wm_planner.types import Command, Grip, Pose, Vector
from wm_planner.worker import Planned

BEHIND = 0.05  # times the largest lead: a smaller gap between command and path does not matter


class Commander:
    """Drives the robot through one command stream.

    Times named ``now`` are ROS time [s]. The clock of the stream sets the speed: it runs at
    ``time_scale``, which changes so slowly that the arm keeps to ``commands.blend`` and to the
    limits of acceleration, and is 0 while the arm holds.

    Args:
        config: Commands and limits.
        spec: Defines the actions.
        publish: Sends a checked command to the robot.
        arm: The arm's kinematics; None if they are unknown.

    Raises:
        LimitsError: The configured limits are invalid.
        SpecError: Neither ``model.yaml`` nor the settings define how an action becomes a command.
        ConfigError: The receiver of the commands, or the gripper, takes something else.

    Attributes:
        shadow: Whether nobody follows the commands, see ``ShadowCommander``.
        mode: What the commander is doing; see ``TRANSITIONS``.
        time_scale: Sets the speed.
        gripper: What the plans command the gripper; None if they do not.
        history: What was commanded since the start.
        plan_start: Point (n,) where the newest plan begins; None before the first.
        sent: Number of commands sent.
    """

    shadow = False

    def __init__(
        self,
        config: Config,
        spec: ModelSpec,
        publish: Callable[[Command], None],
        arm: Arm | None = None,
    ) -> None:
        commands = config.commands
        self.actions = ActionMapping(spec, commands)
        self._arm, self._commands = arm, commands
        check_gripper(config.gripper, self.actions.command.gripper, spec.name)
        self.gripper = self.actions.gripper() if config.gripper.type != "none" else None
        self.gate = self.check(config.limits)
        self._publish, self._space = publish, self.gate.space
        self._stream = CommandStream(
            self._space, spec.frameskip, self.actions.step_time, commands.extra_time, commands.blend
        )
        self._period = 1 / commands.rate
        self._clock = StreamClock(self._period)
        self._braking = Braking(commands)
        self._feedback = VelocityFeedback(commands)
        self.time_scale = TimeScale(commands.speed_override / 100, commands.blend)
        self.sent, self.history = 0, CommandHistory(0.0 if self.shadow else commands.lag)
        self._last = Sent(np.zeros(0), np.zeros(self._space.moves))
        self._reset()

    def _reset(self) -> None:
        """Become idle: the next goal starts from a measured position."""
        self.mode = Mode.IDLE
        self._stream.clear()
        if self.gripper:
            self.gripper.clear()
        self._grip: Grip | None = None
        self.plan_start: Vector | None = None
        self._clock.restart(0.0)
        self.time_scale.restart()
        self._braking.left = 0.0
        self._feedback.rest(self.gate.receiver.space.moves)
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
        moves = np.abs(self._last.velocity).max() > RESTED
        return self.mode in FOLLOWING | SLOWING and bool(moves)

    @property
    def slowing(self) -> bool:
        """Whether commands that bring the arm to rest remain to be sent."""
        return self.mode in SLOWING

    @property
    def commanded_point(self) -> Vector:
        """The last commanded point (n,) of ``gate.space``; before the first, the measured one."""
        return self._last.point

    def check(self, limits: LimitsConfig) -> CommandGate:
        """Return a gate with other limits.

        Raises:
            LimitsError: The limits are invalid.
        """
        grips = self.gripper is not None
        return make_gate(limits, self.actions.command, self._arm, self._commands, grips=grips)

    def apply(self, limits: LimitsConfig) -> None:
        """Use other limits; only between goals.

        Raises:
            LimitsError: The limits are invalid; nothing is changed.
        """
        gate = self.check(limits)
        gate.counters = self.gate.counters
        self.gate, self._space = gate, gate.space
        self._stream.space = gate.space

    def start(self, pose: Pose, now: float) -> None:
        """Start at a measured pose, again if no command was sent since; nothing is sent yet."""
        if not self.started:
            self.history.clear()
        self._enter(Event.START)
        point = self._measured = self.gate.start(pose)
        self._clock.begin(now)
        self._stream.start(point, self._clock.time)
        self._last = Sent(point, np.zeros(self._space.moves))
        self.history.add(now, self._clock.time, point)
        if self.gripper:
            self.gripper.start()

    def follow(self, plan: Planned, measured: Pose | None, then: Pose | None, now: float) -> None:
        """Switch to a plan, or ignore it if the arm is slowing.

        ``measured`` is the newest measured pose, ``then`` the one measured at the plan's image.
        """
        self.splice(plan.actions, plan.stamp, now, then)

    def splice(
        self, actions: ArrayLike, stamp: float, now: float, measured: Pose | None = None
    ) -> None:
        """Switch to a plan, or ignore it if the arm is slowing.

        Args:
            actions: Physical actions (horizon, frameskip * dim), not ``unusable``.
            stamp: Stamp of the image the plan was made from [s].
            now: Current time [s].
            measured: Where a plan that refers to the measured pose begins; None: where others do.
        """
        if self.slowing:
            return
        start = self.gate.basis(self.history.at(stamp))
        if measured and self.actions.command.reference == "measured":
            start = self.actions.begin(self._space.point(measured), start)
        self.plan_start, path = start, self.actions.path(actions, start)
        self._enter(Event.PLAN)
        clock = self._clock.time + self.time_scale.value * self._clock.since(now)
        times = self._stream.splice(path, start, clock - self.history.clock_at(stamp), clock)
        if self.gripper:
            lag = self.history.lag * self.time_scale.value  # then the arm is there
            began = min(stamp, now)  # the stamp may be ahead of ROS time
            self.gripper.splice(self.actions.grips(actions), began, *(t + lag for t in times))

    def send(self, measured: Pose, now: float, pace: float = 1.0) -> None:
        """Send the command that is due now; called at the command rate.

        If the arm is slowing, it first comes to rest, and the goal continues from there. It goes at
        ``pace``, a share of the speed that the override allows, 0 to 1.

        Raises:
            LimitViolation: The command may not be sent.
        """
        self._measured = self.gate.measure(measured)
        if self.slowing:
            self._enter(Event.COMMAND)
            self.settle(now)
            return
        dt = self._clock.tick(now)
        # What is late while ROS time stands still will not come: do not wait for the stall.
        tolerated = self._period if pace < 1 else MAX_CLOCK_STALL
        stalled = dt <= 0 and self._clock.behind > tolerated
        if self.moving and (stalled or (pace <= 0 and self._behind)):
            self._brake(Event.BRAKE, now)
            return
        if dt > 0:
            self._play(pace, dt, now)
        self._send()
        self._enter(Event.COMMAND)

    def hold(self, now: float) -> None:
        """Bring the arm to rest along its path, where it stays until the next plan."""
        self._enter(Event.HOLD)
        if self.mode is not Mode.HOLDING:
            return  # it does not move, or is slowing already
        dt = self._clock.since(now)
        # The stream stands still with ROS time, or the arm would hurry after it.
        if self.moving and (dt <= 0 or self._behind):
            self._brake(Event.BRAKE, now)
            return
        if dt > 0:
            try:
                self._play(0.0, dt, now)
            except LimitViolation:
                self._brake(Event.BRAKE, now)
                return
        self._send()

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

        The velocity falls evenly to zero. Then a last command repeats the position.
        """
        if not self.slowing:
            return
        dt = self._braking.passed(self._clock.tick(now), self._clock.behind)
        if dt == 0:  # ROS time comes in steps
            self._send()
            return
        left = self._braking.after(dt)
        velocity = self._last.velocity * (left / self._braking.left if left else 0.0)
        wanted = self._space.moved(self._last.point, velocity * dt)
        self._advance(wanted, dt, dt, now, slowing=True)
        if left:
            self._send()
            self._braking.left = left  # only once the command was sent
            return
        self._last = Sent(self._last.point, np.zeros(self._space.moves))
        self.gate.rest()
        self._stream.start(self._last.point, self._clock.time)
        self.time_scale.rest()
        self._send(stop=True)
        self._enter(Event.REST)

    def finish(self, now: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Send the rest of a stop; blocks for ``commands.blend``, or as the limits demand."""
        while self.slowing:
            sleep(self._period)
            self.settle(now := now + self._period)

    def close(self) -> None:
        """Release what the commander holds; it is not used afterward."""

    @property
    def problems(self) -> list[str]:
        """What to say about the commands, as sentences."""
        return self.gate.problems

    @property
    def _behind(self) -> bool:
        """Whether the limits keep the arm behind its path."""
        return self.gate.leads(self._last.point, self._stream.at(self._clock.time)) > BEHIND

    def _enter(self, event: Event) -> None:
        self.mode = TRANSITIONS[self.mode, event]
        if self.mode is Mode.IDLE:
            self._reset()

    def _brake(self, event: Event, now: float) -> None:
        """Start to slow; the first command is sent at once, for the time since the last one."""
        path, sent = self._last.velocity, self._feedback.commanded
        moving = (self.gate, path), (self.gate.receiver, sent)
        self._braking.begin(moving, self.time_scale.value, late=event is Event.BRAKE)
        self._enter(event)
        dt = self._clock.since(now)
        if not self._braking.left:
            self.settle(now)
            return
        if dt > 0:
            ahead = self._space.moved(self._last.point, self._last.velocity * dt)
            self._advance(ahead, dt, dt, now, slowing=True)
        self._send()

    def _play(self, pace: float, dt: float, now: float) -> None:
        """Go on along the path for a time [s], at a pace that changes with the time scale."""
        pace = 0.0 if self.mode is Mode.HOLDING else pace
        scale = self.time_scale.next(pace, dt, self._last.velocity, self.gate)
        follows = self.mode is Mode.TRACKING and self.plan_start is not None
        self.gate.pace = scale if follows else 0.0
        self._advance(self._stream.at(self._clock.time + scale * dt), scale * dt, dt, now)
        self.time_scale.value = scale
        if self.gripper and self.mode is Mode.TRACKING:  # while the arm holds, so does the gripper
            self._grip = self.gripper.next(self._clock.time, dt, now, self.gate)

    def _advance(
        self, wanted: Vector, passed: float, dt: float, now: float, *, slowing: bool = False
    ) -> None:
        """Set the last command to the wanted point (n,) within the limits, and advance the clock.

        Since the last command the stream has ``passed`` a time [s], in ``dt`` of ROS time [s]. An
        arm that is ``slowing`` may be measured anywhere.
        """
        measured = None if slowing else self._measured
        self._last = self.gate.check(wanted, previous=self._last, measured=measured, dt=dt)
        self._clock.advance(passed, now)
        self.history.add(now, self._clock.time, self._last.point)

    def _send(self, *, stop: bool = False) -> None:
        error = None
        if self._measured is not None and self.mode in (Mode.READY, Mode.TRACKING):
            # An arm that is slowed does not hurry back either.
            error = self._space.between(self._measured, self.history.passed)
            error *= self.time_scale.value
        point, velocity, error = self.gate.output(self._last, error)
        receiver = self.gate.receiver
        velocity = self._feedback.velocity(velocity, error, receiver, stop=stop)
        command = receiver.space.command(point, velocity, stop=stop)
        self._publish(replace(command, grip=self._grip))
        self.sent, self._grip = self.sent + 1, None
