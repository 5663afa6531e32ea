"""The mapping from actions to commands: declared, overridden, or refused if impossible."""

from __future__ import annotations

import pytest

from wm_planner.config import CommandsConfig, ConfigError
from wm_planner.control.action_mapping import command_mapping
from wm_planner.models import ModelSpec, SpecError
from wm_planner.models.spec import CommandMapping

NAMES = ["dx", "dy", "dz"]


def test_the_mapping_comes_from_model_yaml(spec: ModelSpec) -> None:
    assert command_mapping(spec, CommandsConfig()) == CommandMapping("relative", NAMES)


def test_settings_override_model_yaml(spec: ModelSpec) -> None:
    config = CommandsConfig(mode="absolute", position=["dz", "dx", "dy"])
    assert command_mapping(spec, config) == CommandMapping("absolute", ["dz", "dx", "dy"])


def test_settings_define_the_mapping_if_the_model_does_not(spec: ModelSpec) -> None:
    spec.action.command = None
    with pytest.raises(SpecError, match=r"commands\.mode"):
        command_mapping(spec, CommandsConfig())
    config = CommandsConfig(mode="relative", position=NAMES)
    assert command_mapping(spec, config) == CommandMapping("relative", NAMES)


def test_an_unknown_action_name_is_named(spec: ModelSpec) -> None:
    with pytest.raises(SpecError, match="left"):
        command_mapping(spec, CommandsConfig(position=["left", "dy", "dz"]))


def test_a_wrong_unit_is_refused(spec: ModelSpec) -> None:
    with pytest.raises(SpecError, match="needs m/s"):
        command_mapping(spec, CommandsConfig(mode="velocity"))
    with pytest.raises(SpecError, match="needs rad"):
        command_mapping(spec, CommandsConfig(type="joint_state", joints=["a", "b", "c"]))


def test_a_receiver_that_takes_something_else_is_refused(spec: ModelSpec) -> None:
    with pytest.raises(ConfigError, match=r"set commands\.kinematics"):
        command_mapping(spec, CommandsConfig(type="joint_state"))
