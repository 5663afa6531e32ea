"""The arm's own controller: smooth joint positions at 1 kHz, and the reflex of a Franka Research 3.

Commands come at about 50 Hz, each with a stamp. The controller plays them ``DELAY`` after their
stamps, with straight lines in between, so that late messages do not matter. If a motion begins
with a message that is later than that, the whole motion is played later by the difference, and so
is what follows until the commands end. Every millisecond, three first-order low-pass filters in a
row, each with the time constant ``SMOOTHING``, smooth what is played. So the arm follows a moving
command ``LAG`` later. When commands are missing, it goes on at its last velocity for as long as lay
between the last two, at least for ``COASTING``, and then comes to rest.

The output is judged as a Franka Research 3 judges its commands. The limits are the constant ones
of Franka Robotics, "Control Interface Specification and Robot Limits"
(https://frankarobotics.github.io/docs/robot_specifications.html); the lower limits of velocity near
the ends of a joint's range, and those of the elbow, are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, lfilter_zi
from scipy.spatial.transform import Rotation

from wm_planner.types import Vector

CYCLE = 0.001
"""Time between two positions [s]."""
DELAY = 0.06
"""Time after its stamp at which a command is played, in real time [s]."""
SMOOTHING = 0.03
"""Time constant of each of the three filters [s]."""
LAG = DELAY + 3 * SMOOTHING
"""How long after a command the moving arm is at the commanded position [s]."""
STREAM = 0.1
"""Most time between two commands of one stream, in real time [s]."""
COASTING = 0.04
"""Least time for which the arm goes on without a command [s]."""
JOINT_LIMITS = np.array([[2.62, 2.62, 2.62, 2.62, 5.26, 4.18, 5.26], [10.0] * 7, [5000.0] * 7])
"""Of each joint's velocity [rad/s], acceleration [rad/s^2] and jerk [rad/s^3]."""
POSITION_LIMITS = np.array([[3.0], [9.0], [4500.0]])
"""Of the hand's velocity [m/s], acceleration [m/s^2] and jerk [m/s^3]."""
ROTATION_LIMITS = np.array([[2.5], [17.0], [8500.0]])
"""Of the hand's angular velocity [rad/s], acceleration [rad/s^2] and jerk [rad/s^3]."""

SLOW = 0.1
"""Velocity below which the arm may lose its commands without harm [rad/s]."""

_KEPT = 128  # commands; they may wait for as long as the first one was late
_POLE = np.exp(-CYCLE / SMOOTHING)
_FILTER = np.array([(1 - _POLE) ** 3]), np.poly([_POLE] * 3)
_NAMES = "velocity", "acceleration", "jerk"

Poses = Callable[[Vector], tuple[Vector, Vector]]
Samples = NDArray[np.float64]


def _lengths(vectors: Samples) -> Samples:
    """Return the lengths (n, 1) of vectors (n, 3)."""
    return np.asarray(np.linalg.norm(vectors, axis=1, keepdims=True))


class Timeline:
    """Joint commands by their times.

    Args:
        longest: Most time between two commands of one stream [s].

    Attributes:
        resting: Whether no stream of commands is under way.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest

    def restart(self, joints: Vector, time: float) -> None:
        """Rest at joint positions (7,) [rad] from a time on [s]."""
        self._times, self._joints, self.resting = [time], [joints.copy()], True
        self._velocity, self._coasting, self._spacing = np.zeros(7), 0.0, 0.0

    def take(self, joints: Vector, time: float) -> None:
        """Take a command (7,) [rad] and its time [s].

        It replaces the last command if it is not later by a cycle.
        """
        passed = time - self._times[-1]
        if passed > CYCLE:
            one_stream = passed <= self._longest and not self.resting
            self._velocity = (joints - self._joints[-1]) / passed if one_stream else np.zeros(7)
            self._coasting = max(COASTING, min(passed, self._longest))
            self._spacing = passed
        self._add(joints, time)
        self.resting = False

    def wait(self, time: float) -> None:
        """Stay until a time [s] where the arm is by then."""
        if time > self._times[-1]:
            self._add(self.at(np.array([time]))[0], time)

    def rest(self, joints: Vector, time: float) -> None:
        """Rest at joint positions (7,) [rad] from a time on [s]."""
        self._add(joints, time)
        self._velocity, self._coasting, self.resting = np.zeros(7), 0.0, True

    def _add(self, joints: Vector, time: float) -> None:
        if time > self._times[-1] + CYCLE:
            self._times.append(time)
            self._joints.append(joints.copy())
        self._joints[-1] = joints.copy()
        del self._times[:-_KEPT], self._joints[:-_KEPT]

    @property
    def speed(self) -> float:
        """Velocity of the fastest joint between the last two commands [rad/s]."""
        return float(np.abs(self._velocity).max())

    @property
    def newest(self) -> float:
        """Time of the last command [s]."""
        return self._times[-1]

    @property
    def next(self) -> float:
        """Time at which the next command is due, by the last two [s]."""
        return self._times[-1] + self._spacing

    def ended(self, time: float) -> bool:
        """Return whether the stream has ended and coasted before a time [s]."""
        return time > self._times[-1] + self._coasting

    def at(self, times: Vector) -> Samples:
        """Return the joint positions (n, 7) [rad] at times (n,) [s]."""
        rows = np.array(self._joints).T
        within = np.array([np.interp(times, self._times, row) for row in rows]).T
        beyond = np.clip(times - self._times[-1], 0.0, self._coasting)
        return np.asarray(within + beyond[:, None] * self._velocity)


def broken_limit(joints: Samples, poses: Poses) -> str:
    """Return a limit of the FR3 that is broken, as a sentence, or an empty string.

    Args:
        joints: Joint positions (n, 7) [rad], one per millisecond.
        poses: As for ``Controller``.
    """
    if np.abs(np.diff(joints, axis=0)).max() < 1e-9:
        return ""  # at rest
    places, turns = zip(*map(poses, joints), strict=True)
    rotations = Rotation.from_quat(np.array(turns))
    angular = (rotations[1:] * rotations[:-1].inv()).as_rotvec()
    moved = np.diff(np.array(places), axis=0)
    for moves, limits, unit, what in (
        (np.diff(joints, axis=0), JOINT_LIMITS, "rad", "of joint {}"),
        (moved, POSITION_LIMITS, "m", "of the hand"),
        (angular, ROTATION_LIMITS, "rad", "of the hand's rotation"),
    ):
        for order, limit in enumerate(limits):
            rates = np.diff(moves, order, axis=0) / CYCLE ** (order + 1)
            size = np.abs(rates) if moves.shape[1] == 7 else _lengths(rates)
            worst = np.unravel_index(np.argmax(size / limit), size.shape)
            most = limit[worst[1]]
            if size[worst] > most:
                whose = what.format(worst[1] + 1)
                exponent = f"^{order + 1}" if order else ""
                return (
                    f"the {_NAMES[order]} {whose} is {size[worst]:.4g} {unit}/s{exponent}, at "
                    f"most {most:g} are allowed"
                )
    return ""


class Controller:
    """Smooths joint commands, and stops the arm when they break a limit of the FR3.

    Args:
        poses: Returns the pose of the hand at joint positions (7,) [rad]: its position (3,) [m] and
            quaternion (x, y, z, w).
        cycles: Positions per tick.
        factor: How many times as fast as real time the simulation runs; above 1, commands come
            further apart and later, so ``DELAY`` and ``STREAM`` are as many times as long.

    Attributes:
        reflex: Which limit stopped the arm, as a sentence; empty if none did.
        reflexes: How often a limit stopped the arm.
    """

    def __init__(self, poses: Poses, cycles: int, factor: float = 1.0) -> None:
        self._poses, self._cycles = poses, cycles
        self._delay, self._longest = DELAY * max(factor, 1.0), STREAM * max(factor, 1.0)
        self._timeline = Timeline(self._longest)
        self.reflex, self.reflexes = "", 0

    def restart(self, joints: Vector, now: float) -> None:
        """Begin at rest at joint positions (7,) [rad]; the arm takes commands again."""
        self.reflex = ""
        self._timeline.restart(joints, now - self._delay)
        self._stamp, self._shift, self._last = -math.inf, 0.0, -math.inf
        self._state = lfilter_zi(*_FILTER)[:, None] * joints
        self._past = np.tile(joints, (3, 1))

    def take(self, joints: Vector, stamp: float, now: float) -> None:
        """Take a command.

        If it comes later than ``DELAY`` while the arm stands or moves slowly, the way to it begins
        now, and all commands are played as much later until they end.

        Args:
            joints: Joint positions (7,) [rad].
            stamp: Time of the command [s]. If it is not later than that of the last command, the
                sender's clock stands still, and the command counts as one tick later.
            now: Simulated time, when the tick begins [s].
        """
        timeline, tick = self._timeline, self._cycles * CYCLE
        if stamp <= self._stamp:
            time = timeline.newest + tick
        else:
            if timeline.speed <= SLOW:
                before = stamp - tick if timeline.resting else self._last
                begin = max(now - self._delay, timeline.newest)
                timeline.wait(begin)
                self._shift = max(begin - before, 0.0)
            time = stamp + self._shift
        time = min(max(time, now - self._longest), now + self._shift + tick)
        timeline.take(joints, time)
        self._last = time - self._shift
        self._stamp = stamp

    def lacks(self, now: float, stamp: float | None = None) -> bool:
        """Return whether the tick that begins now [s] lacks a command of a moving arm.

        Args:
            now: Simulated time [s].
            stamp: That of the command that the tick will take, if there is one [s].
        """
        if stamp is not None and stamp <= self._stamp:
            return False  # the clock of its sender stands still
        timeline, end = self._timeline, now + self._cycles * CYCLE
        newest = timeline.newest if stamp is None else stamp + self._shift
        due = end - self._delay > newest + CYCLE and end > timeline.next + CYCLE
        return due and timeline.speed > SLOW and not self.reflex

    def go_on(self, joints: Vector, now: float) -> Vector | None:
        """Go on in a tick without a command.

        Args:
            joints: Joint positions (7,) where a resting arm is to be [rad].
            now: Simulated time, when the tick begins [s].

        Returns:
            Where the arm has coasted to and rests now (7,) [rad], if its commands have just ended.
        """
        played = now - self._delay
        if self._timeline.resting:
            self._timeline.rest(joints, played)
        elif self._timeline.ended(played):
            joints = self._timeline.at(np.array([played]))[0]
            self._timeline.rest(joints, played)
            return joints
        return None

    def next(self, now: float) -> Samples:
        """Return the joint positions (cycles, 7) [rad] of the tick that begins now [s].

        After a reflex, they stay where they are.
        """
        if self.reflex:
            return np.tile(self._past[-1], (self._cycles, 1))
        times: Vector = now - self._delay + CYCLE * np.arange(1.0, self._cycles + 1)
        played = self._timeline.at(times)
        joints, self._state = lfilter(*_FILTER, played, axis=0, zi=self._state)
        every = np.vstack([self._past, joints])
        self.reflex = broken_limit(every, self._poses)
        if self.reflex:
            self.reflexes += 1
            return self.next(now)
        self._past = every[-3:]
        return np.asarray(joints)
