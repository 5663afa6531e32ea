"""Every leaf of the configuration as a ROS parameter of the same dotted name."""

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
from wm_planner.ros.refusal import refusal

HUGE = 1e9
LIVE = ("session.", "limits.", "goals.")  # what can change while the node is configured


class Running(Protocol):
    """What uses the settings while the node is configured."""

    config: Config

    def check(self, config: Config) -> None:
        """Raises ValueError, with the reason, where other live settings cannot be used now."""

    def apply(self, config: Config) -> None:
        """Use settings that ``check`` agreed to."""


class Parameters:
    """Declares the configuration's leaves on a node and composes them into a ``Config``.

    Four parameters choose where the defaults come from: ``config_directory``, ``config_file``
    (the name of a YAML file in it), ``profile`` (of the arm's controller) and ``overrides`` (Hydra
    overrides). What is set on the node,
    by a launch file, ``--params-file`` or ``ros2 param set``, comes last.

    A change is taken whole or refused with a reason: every parameter of a call that sets several
    atomically, or none.

    Args:
        node: The node.
        default_directory: Where ``config_file`` is looked up unless the user says otherwise.

    Attributes:
        running: Set while the node is configured: then only the settings of ``LIVE`` can change,
            and only when it agrees.

    Raises:
        ConfigError: A file, an override or a value given for a parameter is wrong.
    """

    def __init__(self, node: Node, default_directory: Path) -> None:
        self._node = node
        self.running: Running | None = None
        self._directory = self._door(
            "config_directory", str(default_directory), "Folder of the configuration's YAML files."
        )
        self._file = self._door("config_file", "planner", "YAML file, without .yaml.")
        overrides = self._door("overrides", [""], "Hydra overrides, e.g. ['planning.horizon=8'].")
        profile = self._door(
            "profile", "", "Commands for a known controller: a file of profiles/, without .yaml."
        )
        self._overrides = [f"+profiles={profile}"] if profile else []
        self._overrides += [text for text in overrides if text]
        self._names = []
        for leaf in leaves(compose(self._directory, self._file, self._overrides)):
            empty = "STRING_ARRAY" if leaf.checks.get("of") is str else "DOUBLE_ARRAY"
            default = Parameter.Type[empty] if leaf.value == [] else leaf.value
            try:
                node.declare_parameter(leaf.name, default, _descriptor(leaf))
            except ParameterException as error:
                raise ConfigError(f"parameter {leaf.name}: {error}") from error
            self._names.append(leaf.name)
        node.add_on_set_parameters_callback(self._on_set)
        node.add_post_set_parameters_callback(self._after_set)

    def config(self, changes: Mapping[str, Any] | None = None) -> Config:
        """The configuration as the parameters stand, with ``changes`` applied.

        Raises:
            ConfigError: A value is out of range.
        """
        values = {name: self._value(name) for name in self._names}
        values |= {k: v for k, v in (changes or {}).items() if k in values}
        return compose(self._directory, self._file, self._overrides, values)

    def _value(self, name: str) -> Any:
        return _plain(self._node.get_parameter_or(name, Parameter(name, value=[])).value)

    def _door(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        return self._node.declare_parameter(name, default, descriptor).value

    def _on_set(self, parameters: Sequence[Parameter]) -> SetParametersResult:
        changes = self._changes(parameters)
        try:
            if changes and self.running:
                _refuse_fixed(changes)
                self.running.check(changed(self.running.config, changes))
            elif changes:
                self.config(changes)
        except ValueError as error:  # ConfigError is one
            return SetParametersResult(successful=False, reason=str(error))
        except Exception as error:
            reason = refusal(self._node, error).message
            return SetParametersResult(successful=False, reason=reason)
        return SetParametersResult(successful=True)

    def _after_set(self, parameters: Sequence[Parameter]) -> None:
        changes = self._changes(parameters)
        if changes and self.running:
            self.running.apply(changed(self.running.config, changes))

    def _changes(self, parameters: Sequence[Parameter]) -> dict[str, Any]:
        return {p.name: _plain(p.value) for p in parameters if p.name in self._names}


def _plain(value: Any) -> Any:
    """A parameter's value with lists in place of arrays; one that is not set is empty."""
    if value is None:
        return []
    return value if isinstance(value, (str, bool, int, float)) else list(value)


def _refuse_fixed(changes: Mapping[str, Any]) -> None:
    """Refuse what a configured node cannot change.

    Raises:
        ValueError: Names the parameters.
    """
    fixed = sorted(name for name in changes if not name.startswith(LIVE))
    if fixed:
        raise ValueError(
            f"{', '.join(fixed)}: read when the node is configured, so clean it up first; until "
            f"then only {', '.join(f'{section}*' for section in LIVE)} can change"
        )


def _descriptor(leaf: Leaf) -> ParameterDescriptor:
    """Description, range and choices of a leaf."""
    checks = leaf.checks
    descriptor = ParameterDescriptor(description=checks["help"])
    if "choices" in checks:
        descriptor.additional_constraints = "one of: " + ", ".join(map(str, checks["choices"]))
    low, high = checks.get("low", checks.get("above")), checks.get("high")
    if low is not None or high is not None:
        if isinstance(leaf.value, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low or 0.0), to_value=float(high or HUGE))
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(low or 0), to_value=int(high or HUGE))
            ]
    return descriptor
