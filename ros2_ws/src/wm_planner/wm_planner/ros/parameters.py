"""Every setting as a ROS parameter of the same dotted name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from wm_planner.config import Config, ConfigError, Leaf, changed, compose, leaves
from wm_planner.message_limits import MAX_LIST, MAX_TEXT
from wm_planner.ros import log
from wm_planner.ros.refusal import refusal
from wm_planner.text import close, did_you_mean, listed, one_line, quoted

LIVE = ("planning.", "objective.", "session.", "limits.")
"""Sections that can change between goals, while the node is configured."""
ALWAYS = ("commands.speed_override",)
"""Settings that can change at any time, also during a goal."""
LOCKED = (
    "limits.",
    "session.",
    "commands.",
    "gripper.",
    "inputs.",
    "camera.",
    "worker.",
    "safety.",
)
"""Sections that never change while ``limits.locked`` is set."""
AT_START = ("goals.directory", "commands.shadow_file", "commands.kinematics", "worker.python")
"""Settings that never change while the node runs: whoever sends goals may neither choose where it
reads and writes nor which program it starts."""
UNLOCKED = ("session.timeout", *ALWAYS)
"""Settings of them that are neither limits nor watchdogs."""
CLOCK = "use_sim_time"
ARRAYS = (Parameter.Type.DOUBLE_ARRAY, Parameter.Type.STRING_ARRAY)
FOREIGN = (CLOCK, "autostart", "start_type_description_service", "qos_overrides.")
"""Parameters of the node, or beginnings of their names, that are no settings."""


class Running(Protocol):
    """What uses the settings while the node is configured."""

    config: Config

    def check(self, config: Config, *, during_goal: bool) -> None:
        """Raise ValueError, with the reason, if these settings cannot be used now.

        Args:
            config: The settings.
            during_goal: Whether they differ only in those of ``ALWAYS``.
        """

    def apply(self, config: Config) -> None:
        """Use settings that ``check`` has accepted."""


class Parameters:
    """The settings as ROS parameters of a node.

    Four parameters choose the defaults: ``config_directory``, ``config_file`` (the name of a YAML
    file in it), ``profile`` (of the arm's controller) and ``overrides`` (Hydra overrides). Values
    set on the node, by a launch file, ``--params-file`` or ``ros2 param set``, are applied last.

    A call that sets several parameters atomically is accepted as a whole, or refused with a reason.

    Args:
        node: The node.
        default_directory: Default of ``config_directory``.

    Attributes:
        running: Set while the node is configured; then only the sections of ``LIVE`` can change,
            and only if its ``check`` accepts them.

    Raises:
        ConfigError: A file, an override, or the name or value of a parameter is wrong.
    """

    def __init__(self, node: Node, default_directory: Path) -> None:
        self._node = node
        self.running: Running | None = None
        self._directory = self._read_only(
            "config_directory", str(default_directory), "Folder of the YAML files with settings."
        )
        self._file = self._read_only("config_file", "planner", "YAML file, without .yaml.")
        overrides = self._read_only(
            "overrides", [""], "Hydra overrides, e.g. ['planning.horizon=8']."
        )
        profile = self._read_only(
            "profile", "", "Controller of the arm: a file of profiles/, without .yaml."
        )
        self._overrides = [f"+profiles={profile}"] if profile else []
        self._overrides += [text for text in overrides if text]
        self._names: list[str] = []
        self._types: dict[str, Parameter.Type] = {}
        given = node._parameter_overrides
        for leaf in leaves(compose(self._directory, self._file, self._overrides)):
            self._types[leaf.name] = _type(leaf)
            empty = leaf.name in given and _is_empty_list(given[leaf.name].value)
            if empty:
                del given[leaf.name]  # rclpy would take it for a list of bytes
            elif leaf.name in given:
                given[leaf.name] = self._as_declared(given[leaf.name])
            default = self._types[leaf.name] if leaf.value == [] else leaf.value
            try:
                node.declare_parameter(leaf.name, default, _descriptor(leaf))
            except ParameterException as error:
                raise ConfigError(one_line(f"parameter {leaf.name}: {error}")) from error
            if empty or node.get_parameter_or(leaf.name).value is None:
                # Without a value, a get of several parameters, as of ros2 param dump, has none.
                node.set_parameters([Parameter(leaf.name, self._types[leaf.name], [])])
            self._names.append(leaf.name)
        self._refuse_unknown()
        self._locked = node.get_parameter("limits.locked").value
        node.add_pre_set_parameters_callback(lambda given: [*map(self._as_declared, given)])
        node.add_on_set_parameters_callback(self._on_set)
        node.add_post_set_parameters_callback(self._after_set)

    def config(self, changes: Mapping[str, Any] | None = None) -> Config:
        """Return the configuration of the parameters' values, with ``changes`` applied.

        Raises:
            ConfigError: A value is out of range, or settings contradict each other.
        """
        values = {name: self._value(name) for name in self._names}
        values |= {k: v for k, v in (changes or {}).items() if k in values}
        return compose(self._directory, self._file, self._overrides, values)

    def _value(self, name: str) -> Any:
        return _plain(self._node.get_parameter_or(name, Parameter(name, value=[])).value)

    def _as_declared(self, given: Parameter) -> Parameter:
        """Return a parameter with reals for whole numbers, and an empty list of the list's type."""
        wanted, value = self._types.get(given.name), given.value
        if wanted is Parameter.Type.DOUBLE and given.type_ is Parameter.Type.INTEGER:
            return Parameter(given.name, wanted, float(value))
        if wanted is Parameter.Type.DOUBLE_ARRAY and given.type_ is Parameter.Type.INTEGER_ARRAY:
            return Parameter(given.name, wanted, [float(number) for number in value])
        if wanted in ARRAYS and _is_empty_list(value):
            return Parameter(given.name, wanted, [])  # ROS's tools give empty lists another type
        return given

    def _read_only(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        given = self._node._parameter_overrides
        if isinstance(default, list) and name in given and isinstance(given[name].value, str):
            given[name] = Parameter(name, value=[given[name].value])  # one is a list of one
        try:
            return self._node.declare_parameter(name, default, descriptor).value
        except ParameterException as error:
            raise ConfigError(one_line(f"parameter {name}: {error}")) from error

    def _refuse_unknown(self) -> None:
        """Refuse parameters that were given to the node but do not exist.

        A file with ``/**:`` may hold parameters of other nodes, so names outside of the sections of
        the settings only cause a warning.

        Raises:
            ConfigError: A name in a section of the settings does not exist.
        """
        sections = {name.partition(".")[0] for name in self._names}
        known = [*self._names, "config_directory", "config_file", "overrides", "profile"]
        for name in self._node._parameter_overrides:
            if self._node.has_parameter(name) or name.startswith(FOREIGN):
                continue
            what = f"there is no parameter {quoted(name)}{did_you_mean(name, known)}"
            if name.partition(".")[0] in sections or close(name, known):
                raise ConfigError(f"{what} See docs/reference/parameters.md.")
            log.warning(self._node, f"{what} It is ignored.")

    def _on_set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        try:
            _refuse_long(parameters)
            given = self._settings(parameters)
            # Without those that stay as they are, so that a dump can be loaded again.
            changes = {name: new for name, new in given.items() if new != self._value(name)}
            if self.running and any(map(self._changes_clock, parameters)):
                raise ValueError(f"{CLOCK} cannot change while the node is configured")
            self._refuse_locked(changes)
            if changes and self.running:
                _refuse_fixed(changes, self._node.get_fully_qualified_name())
                only = set(changes) <= set(ALWAYS)
                self.running.check(changed(self.running.config, changes), during_goal=only)
            elif changes:
                self.config(changes)
        except ValueError as error:  # ConfigError is one
            return SetParametersResult(successful=False, reason=one_line(str(error)))
        except Exception as error:
            reason = refusal(self._node, error).message
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _after_set(self, parameters: Sequence[Parameter]) -> None:
        changes = self._settings(parameters)
        if changes and self.running:
            self.running.apply(changed(self.running.config, changes))

    def _refuse_locked(self, changes: Mapping[str, Any]) -> None:
        """Refuse to change what is set at the start, or limits and watchdogs that were locked then.

        Raises:
            ValueError: There are some; the message names them.
        """
        if at_start := [name for name in changes if name in AT_START]:
            raise ValueError(
                f"{listed(at_start)} cannot change while the node runs: change it in a file or "
                "launch argument, and start the node again"
            )
        if not self._locked and "limits.locked" not in changes:
            return
        locked = [name for name in changes if name.startswith(LOCKED) and name not in UNLOCKED]
        if locked:
            raise ValueError(
                f"{', '.join(sorted(locked))} cannot change while the node runs, because "
                "limits.locked keeps limits and watchdogs as they were at its start: change them "
                "in a file or launch argument, and start the node again"
            )

    def _changes_clock(self, parameter: Parameter) -> bool:
        now = self._node.get_parameter_or(CLOCK, Parameter(CLOCK, value=False)).value
        return bool(parameter.name == CLOCK and parameter.value != now)

    def _settings(self, parameters: Sequence[Parameter]) -> dict[str, Any]:
        return {p.name: _plain(p.value) for p in parameters if p.name in self._names}


def _type(leaf: Leaf) -> Parameter.Type:
    """Return the type of a parameter; of a list also if it is empty."""
    if isinstance(leaf.value, list):
        texts = leaf.checks.get("of") is str
        return Parameter.Type.STRING_ARRAY if texts else Parameter.Type.DOUBLE_ARRAY
    return Parameter.Type.from_parameter_value(leaf.value)


def _plain(value: Any) -> Any:
    """Return a parameter's value: an array as a list, no value as an empty list."""
    if value is None:
        return []
    return value if isinstance(value, (str, bool, int, float)) else list(value)


def _is_empty_list(value: Any) -> bool:
    return value is not None and not isinstance(value, str) and _plain(value) == []


def _refuse_long(parameters: Sequence[Parameter]) -> None:
    """Refuse texts and lists that are too long, before anything copies them.

    Raises:
        ValueError: One is too long.
    """
    for parameter in parameters:
        value = parameter.value
        most = MAX_TEXT if isinstance(value, str) else MAX_LIST
        if hasattr(value, "__len__") and len(value) > most:
            raise ValueError(
                f"{quoted(parameter.name)} has {len(value)} characters or entries; the most is "
                f"{most}"
            )


def _refuse_fixed(changes: Mapping[str, Any], node: str) -> None:
    """Refuse parameters that a configured node cannot change.

    Raises:
        ValueError: There are some; the message names them.
    """
    fixed = sorted(name for name in changes if not name.startswith((*LIVE, *ALWAYS)))
    if fixed:
        raise ValueError(
            f"{', '.join(fixed)} cannot change while the node is configured: clean it up first "
            f"(ros2 lifecycle set {node} deactivate, then cleanup); only "
            f"{', '.join([f'{section}*' for section in LIVE] + list(ALWAYS))} can change now"
        )


def _descriptor(leaf: Leaf) -> ParameterDescriptor:
    """Return the description, range and choices of a leaf."""
    checks = leaf.checks
    descriptor = ParameterDescriptor(description=checks["help"])
    if "choices" in checks:
        descriptor.additional_constraints = "one of: " + ", ".join(map(str, checks["choices"]))
    if "high" not in checks:
        return descriptor
    low, high = checks.get("low", checks.get("above")), checks["high"]
    if isinstance(leaf.value, list):
        descriptor.additional_constraints = f"each from {low} to {high}"
    elif isinstance(leaf.value, float):
        descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
    else:
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high)]
    return descriptor
