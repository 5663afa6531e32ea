"""Every proprio number has a source, in the model's order and units, or is refused."""

from __future__ import annotations

import pytest

from wm_planner.config import ConfigError, ProprioConfig
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ProprioGripper, ProprioRotation, ProprioSpec
from wm_planner.ros.proprio_fields import Field, proprio_fields


def _with(spec: ModelSpec, **units: str) -> ModelSpec:
    names = [name.replace("__", ".") for name in units]
    spec.proprio = ProprioSpec(names=names, units=list(units.values()))
    return spec


def test_a_model_without_proprio_needs_no_source(spec: ModelSpec) -> None:
    assert proprio_fields(ProprioConfig(source="pose"), spec) == []


def test_a_missing_source_is_refused_and_the_parameter_named(spec: ModelSpec) -> None:
    _with(spec, panda_joint1="rad")
    with pytest.raises(
        ConfigError, match=r"\(panda_joint1\): set proprio\.source to joint_states, pose, topic, or"
    ):
        proprio_fields(ProprioConfig(), spec)


def test_joints_are_found_by_name_with_position_as_the_default(spec: ModelSpec) -> None:
    _with(spec, panda_joint1="rad", panda_joint1__velocity="rad/s", panda_finger_joint1="m")
    assert proprio_fields(ProprioConfig(source="joint_states"), spec) == [
        Field("joint_states", "panda_joint1", "position"),
        Field("joint_states", "panda_joint1", "velocity"),
        Field("joint_states", "panda_finger_joint1", "position"),
    ]


def test_proprio_fields_may_combine_sources(spec: ModelSpec) -> None:
    _with(spec, height="m", elbow="rad", grip="1")
    config = ProprioConfig(fields=["pose:z", "joint_states:joint_4.position", "topic:0"])
    assert proprio_fields(config, spec) == [
        Field("pose", "z"),
        Field("joint_states", "joint_4", "position"),
        Field("topic", "0"),
    ]


def test_the_numbers_of_a_topic_are_in_the_model_s_order(spec: ModelSpec) -> None:
    _with(spec, a="m", b="deg")
    assert [f.name for f in proprio_fields(ProprioConfig(source="topic"), spec)] == ["0", "1"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            ProprioConfig(source="joint_states"),
            "but joint_states gives it in rad or m, and nothing",
        ),
        (ProprioConfig(source="pose"), "a pose has x, y, z"),
        (ProprioConfig(fields=["pose:z", "pose:x"]), "has 2 entries, but the model takes 1"),
        (ProprioConfig(fields=["pose:z"]), "takes z in 'deg', but pose gives it in m"),
        (ProprioConfig(fields=["elbow"]), "'elbow' must be source:name"),
        (ProprioConfig(fields=["topic:first"]), "the index in the array, from 0"),
        (ProprioConfig(fields=["topic:1000"]), "the index in the array, from 0 to 999"),
        (ProprioConfig(fields=["topic:" + "9" * 5000]), "the index in the array, from 0 to 999"),
    ],
)
def test_an_impossible_source_is_refused(
    spec: ModelSpec, config: ProprioConfig, words: str
) -> None:
    _with(spec, elbow="deg")
    with pytest.raises(ConfigError, match=words):
        proprio_fields(config, spec)


def test_a_source_of_two_numbers_is_refused(spec: ModelSpec) -> None:
    _with(spec, a="m", b="m")
    with pytest.raises(ConfigError, match="'pose:x' is given more than once"):
        proprio_fields(ProprioConfig(fields=["pose:x", "pose:x"]), spec)


EULER = [Field("pose", str(i), "euler_extrinsic_xyz") for i in range(3)]


def test_the_orientation_of_a_pose_comes_in_the_model_s_convention(spec: ModelSpec) -> None:
    rotation = ProprioRotation(["roll", "pitch", "yaw"], "euler_extrinsic_xyz")
    names, units = ["x", "y", "z", "yaw", "pitch", "roll"], ["m"] * 3 + ["rad"] * 3
    spec.proprio = ProprioSpec(names, units, rotation)
    position = [Field("pose", axis) for axis in "xyz"]
    assert proprio_fields(ProprioConfig(source="pose"), spec) == position + EULER[::-1]
    by_hand = [f"pose:euler_extrinsic_xyz.{i}" for i in (2, 1, 0)]
    fields = ["pose:x", "pose:y", "pose:z", *by_hand]
    assert proprio_fields(ProprioConfig(fields=fields), spec) == position + EULER[::-1]


@pytest.mark.parametrize(
    ("name", "unit", "words"),
    [
        ("euler_extrinsic_xyz.3", "rad", "or a number of a convention .*'euler_extrinsic_xyz.3'"),
        ("euler_xyz.0", "rad", "or a number of a convention"),
        ("rotation_vector.-1", "rad", "or a number of a convention"),
        ("rotation_vector.", "rad", "or a number of a convention"),
        ("rotation_vector.0", "deg", "takes 0 in 'deg', but pose gives it in rad"),
        ("quaternion_wxyz.0", "rad", "takes 0 in 'rad', but pose gives it in 1"),
    ],
)
def test_an_orientation_in_another_form_is_refused(
    spec: ModelSpec, name: str, unit: str, words: str
) -> None:
    spec.proprio = ProprioSpec(["turn"], [unit])
    with pytest.raises(ConfigError, match=words):
        proprio_fields(ProprioConfig(fields=[f"pose:{name}"]), spec)


def test_the_width_of_the_gripper_comes_beside_the_pose(spec: ModelSpec) -> None:
    gripper = ProprioGripper("grip", "closedness", closed=0.0, open=0.08)
    spec.proprio = ProprioSpec(["z", "grip"], ["m", "1"], gripper=gripper)
    wanted = [Field("pose", "z"), Field("gripper", "grip")]
    assert proprio_fields(ProprioConfig(source="pose"), spec) == wanted
    assert proprio_fields(ProprioConfig(fields=["pose:z", "gripper:grip"]), spec) == wanted
    with pytest.raises(ConfigError, match="is no number of the gripper"):
        proprio_fields(ProprioConfig(fields=["pose:z", "gripper:width"]), spec)
    spec.proprio.units[1] = "m"
    with pytest.raises(ConfigError, match="takes grip in 'm', but gripper gives it in 1"):
        proprio_fields(ProprioConfig(source="pose"), spec)
