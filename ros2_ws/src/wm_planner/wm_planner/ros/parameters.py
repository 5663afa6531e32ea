"""Every leaf of the configuration as a ROS parameter of the same dotted name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from wm_planner.config import Config, ConfigError, Leaf, compose, leaves

HUGE = 1e9


class Parameters:
    """Declares the configuration's leaves on a node and composes them into a ``Config``.

    Three parameters choose where the defaults come from: ``config_directory``, ``config_file``
    (the name of a YAML file in it) and ``overrides`` (Hydra overrides). What is set on the node,
    by a launch file, ``--params-file`` or ``ros2 param set``, comes last.

    Raises:
        ConfigError: A file, an override or a value given for a parameter is wrong.

    Args:
        node: The node.
        default_directory: Where ``config_file`` is looked up unless the user says otherwise.
        locked: Asked before a change; a sentence why parameters cannot change now, or "".
    """

    def __init__(self, node: Node, default_directory: Path, locked: Any) -> None:
        self._node = node
        self._locked = locked
        self._directory = self._door(
            "config_directory", str(default_directory), "Folder of the configuration's YAML files."
        )
        self._file = self._door("config_file", "planner", "YAML file, without .yaml.")
        overrides = self._door("overrides", [""], "Hydra overrides, e.g. ['planning.horizon=8'].")
        self._overrides = [text for text in overrides if text]
        self._names = []
        for leaf in leaves(compose(self._directory, self._file, self._overrides)):
            default = Parameter.Type.DOUBLE_ARRAY if leaf.value == [] else leaf.value
            try:
                node.declare_parameter(leaf.name, default, _descriptor(leaf))
            except ParameterException as error:
                raise ConfigError(f"parameter {leaf.name}: {error}") from error
            self._names.append(leaf.name)
        node.add_on_set_parameters_callback(self._on_set)

    def config(self, changes: Mapping[str, Any] | None = None) -> Config:
        """The configuration as the parameters stand, with ``changes`` applied.

        Raises:
            ConfigError: A value is out of range.
        """
        values = {name: self._value(name) for name in self._names}
        values |= {k: v for k, v in (changes or {}).items() if k in values}
        return compose(self._directory, self._file, self._overrides, values)

    def _value(self, name: str) -> Any:
        value = self._node.get_parameter_or(name, Parameter(name, value=[])).value
        if value is None:
            return []
        return list(value) if not isinstance(value, (str, bool, int, float)) else value

    def _door(self, name: str, default: Any, description: str) -> Any:
        descriptor = ParameterDescriptor(description=description, read_only=True)
        return self._node.declare_parameter(name, default, descriptor).value

    def _on_set(self, changed: Sequence[Parameter]) -> SetParametersResult:
        changes = {p.name: p.value for p in changed if p.name in self._names}
        if not changes:
            return SetParametersResult(successful=True)
        if reason := self._locked():
            return SetParametersResult(successful=False, reason=reason)
        try:
            self.config(changes)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


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
