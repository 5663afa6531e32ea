"""Whether the arm may move now, and why not: the operator's button, and sensors of contact.

All times are of the steady clock [s].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from wm_planner.config import Config, ConfigError, SafetyConfig
from wm_planner.control.action_mapping import command_mapping
from wm_planner.control.error_codes import ErrorCode, Refused, Status
from wm_planner.models import ModelSpec
from wm_planner.text import listed, quoted


class Enabling:
    """Whether the operator enables the arm: true arrives again and again while a button is held.

    Args:
        timeout: How long a true enables the arm; 0: the arm needs no enabling.

    Attributes:
        topic: Where it arrives, for sentences.
        pressed: Whether the last message was true.
        why_silent: Returns why nothing arrives, or an empty string.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout, self.topic = timeout, "enable"
        self.why_silent: Callable[[], str] = str
        self.pressed, self._heard = False, -math.inf

    def take(self, pressed: bool, steady: float) -> None:
        """Take a message, and when it arrived."""
        self.pressed, self._heard = pressed, steady

    @property
    def released(self) -> bool:
        """Whether the last message was false."""
        return math.isfinite(self._heard) and not self.pressed

    def why_not(self, steady: float) -> str:
        """Return why the arm is not enabled, or an empty string."""
        age = max(steady - self._heard, 0.0)
        if not self._timeout or (self.pressed and age <= self._timeout):
            return ""
        if math.isinf(age):
            why = self.why_silent()
            what = f"nothing has arrived on {self.topic} yet{f' ({why})' if why else ''}"
        elif self.pressed:
            what = (
                f"{self.topic} has been silent for {age:.2f} s, safety.enable_timeout allows "
                f"{self._timeout:.2f} s"
            )
        else:
            what = f"the last message on {self.topic} was false, {age:.2f} s ago"
        return f"the arm is not enabled: {what}; press the enabling button"


class ContactStop:
    """Whether the arm touches something, by the wrench and the efforts of its joints.

    A sensor that is silent protects nothing, so it counts like a contact.

    Args:
        config: The thresholds.
        joints: The commanded joints; empty for Cartesian commands.

    Raises:
        ConfigError: It is unknown which joints to watch, or a name is a pattern.

    Attributes:
        wrench_topic: Where the wrench arrives, for sentences.
        joints_topic: Where the efforts arrive.
        why_silent: Returns why nothing usable arrives on a topic, or an empty string.
    """

    def __init__(self, config: SafetyConfig, joints: Sequence[str]) -> None:
        self._config = config
        self.wrench_topic, self.joints_topic = "wrench", "joint_states"
        self.why_silent: Callable[[str], str] = lambda topic: ""
        self._wrench = _Sensor()
        watched = (config.effort_joints or joints) if config.max_effort else []
        if config.max_effort and not watched:
            raise ConfigError(
                "safety.max_effort is set, but the actions are Cartesian, so that the arm's joints "
                "are unknown: set safety.effort_joints to their names, or commands.kinematics"
            )
        if pattern := next((name for name in watched if "*" in name), None):
            raise ConfigError(
                f"safety.effort_joints: {quoted(pattern)} is a pattern, and one joint's effort "
                "would stand for all: give the name of every joint"
            )
        self._efforts = {name: _Sensor() for name in watched}

    @property
    def watches_wrench(self) -> bool:
        """Whether forces or torques are watched."""
        return bool(self._config.max_force or self._config.max_torque)

    @property
    def watches_efforts(self) -> bool:
        """Whether efforts are watched."""
        return bool(self._efforts)

    @property
    def joints(self) -> list[str]:
        """The joints whose efforts are watched."""
        return list(self._efforts)

    def watched(self, names: Sequence[str]) -> list[str]:
        """Return which of these joints are watched."""
        return [name for name in names if name in self._efforts]

    def take_wrench(self, force: ArrayLike, torque: ArrayLike, steady: float) -> str:
        """Take a wrench, (3,) [N] and (3,) [N m]; return why it ends the goal, or nothing."""
        problem = ""
        for value, most, name, unit in (
            (force, self._config.max_force, "force", "N"),
            (torque, self._config.max_torque, "torque", "N m"),
        ):
            size = float(np.linalg.norm(np.asarray(value, dtype=np.float64)))
            if most and not size <= most and not problem:
                problem = _excess(f"the {name} on {self.wrench_topic}", size, most, name, unit)
        self._wrench.take(problem, steady)
        return problem

    def take_efforts(self, names: Sequence[str], efforts: Sequence[float], steady: float) -> str:
        """Take the efforts of joints [N m]; return why they end the goal, or nothing.

        Joints without an effort, and those that are not watched, as of the gripper, are skipped. Of
        a joint that is named twice the larger effort counts.
        """
        largest: dict[str, float] = {}
        for name, effort in zip(names, efforts, strict=False):
            if name in self._efforts and _rank(effort) >= _rank(largest.get(name, 0.0)):
                largest[name] = effort
        first = ""
        for name, effort in largest.items():
            problem = ""
            if not abs(effort) <= self._config.max_effort:
                what = f"the effort of {name} on {self.joints_topic}"
                problem = _excess(what, abs(effort), self._config.max_effort, "effort", "N m")
            self._efforts[name].take(problem, steady)
            first = first or problem
        return first

    def problem(self, steady: float) -> str:
        """Return what the newest measurements say against moving, or an empty string."""
        allowed = self._config.sensor_timeout
        sensors = list(self._efforts.values())
        if self.watches_wrench:
            sensors.append(self._wrench)
        for sensor in sensors:
            if sensor.problem:
                return sensor.problem
        silent = [name for name, sensor in self._efforts.items() if sensor.age(steady) > allowed]
        if silent:
            age = max(self._efforts[name].age(steady) for name in silent)
            what, why = f"effort of {listed(silent)}", self.why_silent(self.joints_topic)
            return _silence(f"{what} on {self.joints_topic}", age, allowed, why)
        if self.watches_wrench and (age := self._wrench.age(steady)) > allowed:
            why = self.why_silent(self.wrench_topic)
            return _silence(f"wrench on {self.wrench_topic}", age, allowed, why)
        return ""


class Permission:
    """Says whether the arm may move now.

    In shadow mode nobody follows the commands, so neither button nor contact changes anything;
    ``problems`` says what they would do.

    Args:
        config: All settings.
        joints: The commanded joints; empty for Cartesian commands.

    Raises:
        ConfigError: It is unknown which joints to watch.

    Attributes:
        enabling: The operator's button.
        contact: The contact stop.
    """

    def __init__(self, config: Config, joints: Sequence[str]) -> None:
        self.enabling = Enabling(config.safety.enable_timeout)
        self.contact = ContactStop(config.safety, joints)
        self._shadow = config.commands.shadow

    @classmethod
    def of(cls, config: Config, spec: ModelSpec, joints: Sequence[str] = ()) -> Permission:
        """Return the permission of an arm whose joints a model commands, or its end effector.

        ``joints`` are those of the arm if its kinematics are known.

        Raises:
            SpecError, ConfigError: The actions cannot become commands, or it is unknown which
                joints to watch.
        """
        return cls(config, joints or command_mapping(spec, config.commands).joints)

    def check(self, steady: float) -> None:
        """Check that a goal may begin; the arm need not be enabled yet.

        Raises:
            Refused: The arm touches something, or a sensor is silent.
        """
        if ended := self.end(steady):
            raise Refused(ended.code, ended.message)

    def end(self, steady: float) -> Status | None:
        """Return why a goal under way has to end, or None."""
        why = "" if self._shadow else self.contact.problem(steady)
        return Status(ErrorCode.CONTACT, why) if why else None

    def hold(self, steady: float) -> Status | None:
        """Return why the arm has to hold, or None."""
        why = "" if self._shadow else self.enabling.why_not(steady)
        return Status(ErrorCode.NOT_ENABLED, f"holding: {why}") if why else None

    def problems(self, steady: float) -> list[str]:
        """Return what speaks against moving, as sentences."""
        found = (self.enabling.why_not(steady), self.contact.problem(steady))
        return [why for why in found if why]


class _Sensor:
    """The newest measurement of a sensor: what is wrong with it, and its age [s]."""

    def __init__(self) -> None:
        self.problem, self._steady = "", -math.inf

    def take(self, problem: str, steady: float) -> None:
        self.problem, self._steady = problem, steady

    def age(self, steady: float) -> float:
        return steady - self._steady


def _rank(size: float) -> float:
    """Return a number by which measurements are ordered; what is not finite comes last."""
    return abs(size) if math.isfinite(size) else math.inf


def _excess(what: str, size: float, most: float, name: str, unit: str) -> str:
    if not math.isfinite(size):
        return f"{what} is not finite: repair its sensor or driver"
    return (
        f"{what} is {size:.1f} {unit}, more than safety.max_{name} ({most:.1f} {unit}): does the "
        "arm touch something, or is its load not compensated?"
    )


def _silence(what: str, age: float, allowed: float, why: str) -> str:
    how_long = f"for {age:.2f} s" if math.isfinite(age) else "yet"
    return (
        f"no usable {what} {how_long}, safety.sensor_timeout is {allowed:.2f} s: without it there "
        f"is no contact stop; {why or 'start its publisher'}"
    )
