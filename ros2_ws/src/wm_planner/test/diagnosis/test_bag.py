"""Bags: which topics are read, how commands become actions, and what cannot be used."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import START, STEP, write_bag
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from wm_planner.config import Config
from wm_planner.diagnosis.bag import DEFAULT_TOPICS, Topics
from wm_planner.diagnosis.bag_episode import bag_episode
from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import CommandMapping, ModelSpec, Moments, ProprioSpec

STEPS = 6
TYPES = get_typestore(Stores.ROS2_JAZZY)


@pytest.fixture
def numbers() -> tuple[Any, Any, Any]:
    """Displacements, places and images whose first pixel counts the steps."""
    rng = np.random.default_rng(0)
    actions = rng.normal(0, 0.02, (STEPS, 3)).astype(np.float32)
    places = np.concatenate([np.zeros((1, 3)), np.cumsum(actions, 0)]).astype(np.float32) + 0.3
    images = rng.integers(0, 255, (STEPS + 1, 8, 10, 3)).astype(np.uint8)
    images[:, 0, 0] = np.arange(STEPS + 1)[:, None]
    return actions, places, images


def _read(path: Path, spec: ModelSpec, **topics: str) -> Episode:
    return bag_episode(path, spec, Topics(**topics), ImagePolicy())


@pytest.mark.parametrize("plugin", list(StoragePlugin))
def test_frames_and_actions_are_those_recorded(
    numbers: Any, spec: ModelSpec, tmp_path: Path, plugin: StoragePlugin
) -> None:
    actions, places, images = numbers
    found = _read(write_bag(tmp_path / "bag", *numbers, plugin=plugin), spec)
    assert found.steps == STEPS
    np.testing.assert_array_equal(found.images, images)
    np.testing.assert_allclose(found.actions[:, 0], actions, atol=1e-6)
    np.testing.assert_allclose(found.places["z"], places[:, 2], atol=1e-6)
    assert found.notes == (
        "Poses on /arm/current_pose are in frame panda_link0, the model's actions in base: if one "
        "is rotated against the other, the axes do not match.",
    )


def test_a_single_file_is_read_like_its_directory(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    folder = write_bag(tmp_path / "bag", *numbers)
    (file,) = folder.glob("*.mcap")
    np.testing.assert_array_equal(_read(file, spec).actions, _read(folder, spec).actions)


def test_the_node_s_command_topic_is_found_without_being_named(
    spec: ModelSpec, tmp_path: Path
) -> None:
    assert DEFAULT_TOPICS["command"][0] == Config().commands.topic
    path = _bag(tmp_path / "bag", _numbers("/planner/command", 3))
    np.testing.assert_allclose(_read(path, spec).actions[:, 0, 0], 0.01 * np.arange(STEPS))


def test_frameskip_gives_sub_actions_in_time_order(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    found = _read(write_bag(tmp_path / "bag", *numbers), replace(spec, frameskip=2))
    assert found.actions.shape == (STEPS // 2, 2, 3)
    np.testing.assert_allclose(found.rows, numbers[0], atol=1e-6)
    assert [image[0, 0, 0] for image in found.images] == [0, 2, 4, 6]


def test_absolute_commands_are_the_commanded_positions(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    action = replace(spec.action, command=CommandMapping("absolute", spec.action.names))
    found = _read(write_bag(tmp_path / "bag", *numbers), replace(spec, action=action))
    np.testing.assert_allclose(found.actions[:, 0], numbers[1][1:], atol=1e-6)


def test_without_commands_the_measured_motion_is_used_with_a_note(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    found = _read(write_bag(tmp_path / "bag", *numbers, commands=False), spec)
    np.testing.assert_allclose(found.actions[:, 0], numbers[0], atol=1e-6)
    assert "No commands were recorded" in found.notes[0]


def test_proprio_is_taken_by_its_names(numbers: Any, spec: ModelSpec, tmp_path: Path) -> None:
    statistics = replace(spec.statistics, proprio=Moments([0.0, 0.0], [1.0, 1.0]))
    known = ProprioSpec(["ee_z", "ee_x"], ["m", "m"])
    path = write_bag(tmp_path / "bag", *numbers)
    found = _read(path, replace(spec, proprio=known, statistics=statistics))
    np.testing.assert_allclose(found.proprio, numbers[1][:, [2, 0]], atol=1e-6)
    unknown = ProprioSpec(["ee_z", "gripper"], ["m", "m"])
    found = _read(path, replace(spec, proprio=unknown, statistics=statistics))
    assert found.proprio is None
    assert "no state 'gripper'" in " ".join(found.notes)


def test_images_rarer_than_a_model_step_are_refused(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    path = write_bag(tmp_path / "bag", *numbers, seconds_per_step=5 * STEP)
    with pytest.raises(RecordingError, match="record at a higher rate"):
        _read(path, spec)


def test_files_that_are_no_bag_or_lack_topics_are_refused(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    with pytest.raises(RecordingError, match="cannot be read as a bag"):
        _read(tmp_path / "none", spec)
    path = write_bag(tmp_path / "bag", *numbers)
    with pytest.raises(RecordingError, match=r"no topic other .* /camera/image"):
        _read(path, spec, image="other")
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(RecordingError):
        _read(path, spec)


def _bag(
    path: Path,
    write: Callable[[Any, Any], None],
    plugin: StoragePlugin = StoragePlugin.MCAP,
) -> Path:
    """Writes a bag with an image every step and the messages that ``write`` adds."""
    header, time = TYPES.types["std_msgs/msg/Header"], TYPES.types["builtin_interfaces/msg/Time"]
    image = TYPES.types["sensor_msgs/msg/Image"]
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connection = writer.add_connection("/image", image.__msgtype__, typestore=TYPES)
        for step in range(STEPS + 1):
            stamp = START + step * STEP
            message = image(
                header(time(int(stamp), round(stamp % 1 * 1e9)), "camera"),
                4, 4, "rgb8", 0, 12, np.full(48, step, np.uint8),
            )  # fmt: skip
            raw = TYPES.serialize_cdr(message, image.__msgtype__)
            writer.write(connection, round(stamp * 1e9), raw)
        write(writer, TYPES)
    return path


def _numbers(topic: str, width: int) -> Callable[[Any, Any], None]:
    """Writes arrays of ``width`` equal numbers, 0.01 more each step."""

    def write(writer: Any, types: Any) -> None:
        kind = "std_msgs/msg/Float64MultiArray"
        connection = writer.add_connection(topic, kind, typestore=types)
        layout = types.types["std_msgs/msg/MultiArrayLayout"]([], 0)
        for step in range(STEPS + 1):
            message = types.types[kind](layout, np.full(width, 0.01 * step))
            time = round((START + step * STEP) * 1e9)
            writer.write(connection, time, types.serialize_cdr(message, kind))

    return write


def test_arrays_are_actions_if_they_have_as_many_numbers(spec: ModelSpec, tmp_path: Path) -> None:
    path = _bag(tmp_path / "three", _numbers("/commands", 3))
    found = _read(path, spec, command="commands")
    np.testing.assert_allclose(found.actions[:, 0, 0], 0.01 * np.arange(STEPS), atol=1e-9)
    with pytest.raises(RecordingError, match="carries 7 numbers"):
        _read(_bag(tmp_path / "seven", _numbers("/commands", 7)), spec, command="commands")


def test_velocities_become_displacements(spec: ModelSpec, tmp_path: Path) -> None:
    def write(writer: Any, types: Any) -> None:
        known = types.types
        kind = "geometry_msgs/msg/TwistStamped"
        connection = writer.add_connection("/twist", kind, typestore=types)
        for tick in range(STEPS * 10 + 1):
            stamp = START + tick * STEP / 10
            header = known["std_msgs/msg/Header"](
                known["builtin_interfaces/msg/Time"](int(stamp), round(stamp % 1 * 1e9)), "base"
            )
            zero = known["geometry_msgs/msg/Vector3"](0.0, 0.0, 0.0)
            speed = known["geometry_msgs/msg/Vector3"](0.1, 0.0, -0.2)
            message = known[kind](header, known["geometry_msgs/msg/Twist"](speed, zero))
            writer.write(connection, round(stamp * 1e9), types.serialize_cdr(message, kind))

    found = _read(_bag(tmp_path / "bag", write), spec, command="twist")
    np.testing.assert_allclose(found.actions[:, 0], [[0.02, 0, -0.04]] * STEPS, atol=1e-9)


def test_images_alone_are_no_episode(spec: ModelSpec, tmp_path: Path) -> None:
    path = _bag(tmp_path / "bag", lambda writer, types: None)
    with pytest.raises(RecordingError, match="neither commands nor measured poses"):
        _read(path, spec)


def test_a_topic_that_is_not_needed_may_lack_its_definition(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    def another_package_s(writer: Any, types: Any) -> None:
        kind = "realsense2_camera_msgs/msg/Metadata"
        connection = writer.add_connection("/meta", kind, msgdef="string json\n", rihs01="RIHS01_")
        writer.write(connection, round(START * 1e9), bytes(8))
        _numbers("/commands", 3)(writer, types)

    path = _bag(tmp_path / "bag", another_package_s, StoragePlugin.SQLITE3)
    whole = _read(path, spec, command="commands")
    database = sqlite3.connect(next(path.glob("*.db3")))
    for change in (  # one after the other
        "update message_definitions set encoding = '', encoded_message_definition = ''",
        "update topics set type = '' where name = '/meta'",
        "update topics set serialization_format = '', type_description_hash = ''",
        "delete from message_definitions",
    ):
        database.execute(change)
        database.commit()
        found = _read(path, spec, command="commands")
        np.testing.assert_array_equal(found.actions, whole.actions)
        assert [result.verdict for result in found.findings] == ["ok", "ok"]
    database.close()


def test_messages_whose_content_is_damaged_are_counted(spec: ModelSpec, tmp_path: Path) -> None:
    path = _bag(tmp_path / "bag", _numbers("/commands", 3), StoragePlugin.SQLITE3)
    database = sqlite3.connect(next(path.glob("*.db3")))
    last = "where id = (select max(id) from messages)"
    database.execute(f"update messages set data = x'00010000ff' {last}")
    database.commit()
    database.close()
    (complete, _) = _read(path, spec, command="commands").findings
    assert complete.verdict == "warn"
    assert "The content of messages is damaged or no number: 1 on /commands" in complete.sentence


@pytest.mark.parametrize("part", [slice(None), slice(2, 4)])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_poses_that_are_not_finite_are_counted(
    numbers: Any, spec: ModelSpec, tmp_path: Path, part: slice, value: float
) -> None:
    actions, places, images = numbers
    broken = places.copy()
    broken[part, 1] = value
    path = write_bag(tmp_path / "bag", actions, broken, images, commands=False)
    count = len(broken[part])
    said = f"damaged or no number: {count} on /arm/current_pose"
    if part.start is None:
        with pytest.raises(RecordingError, match=said):
            _read(path, spec)
        return
    found = _read(path, spec)
    assert said in found.findings[0].sentence
    assert np.isfinite(found.actions).all()


def test_what_a_damaged_bag_lacks_is_named_together_with_the_damage(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    path = write_bag(tmp_path / "bag", *numbers)
    (file,) = path.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(RecordingError, match=r"no message was recorded .* it was not finished"):
        _read(path, spec)


def test_a_damaged_image_between_the_frames_is_left_out_and_counted(
    numbers: Any, spec: ModelSpec, tmp_path: Path
) -> None:
    actions, places, images = numbers
    between = [np.repeat(rows, 2, 0) for rows in (actions, places, images)]
    path = write_bag(
        tmp_path / "bag", between[0][:-1], between[1][:-1], between[2][:-1],
        plugin=StoragePlugin.SQLITE3, compressed=True, seconds_per_step=STEP / 2,
    )  # fmt: skip
    assert [f.verdict for f in _read(path, spec).findings] == ["ok", "ok"]
    database = sqlite3.connect(next(path.glob("*.db3")))
    query = (
        "select m.id, data from messages m join topics t on t.id = topic_id "
        "where t.name = '/camera/image' order by timestamp"
    )
    messages = database.execute(query).fetchall()

    def damage(number: int) -> None:
        identifier, data = messages[number]
        change = "update messages set data = ? where id = ?"
        database.execute(change, (data[:-20] + bytes(20), identifier))
        database.commit()

    damage(3)
    found = _read(path, spec)
    assert found.findings[0].verdict == "warn"
    assert (
        "The content of messages is damaged or no number: 1 on /camera/image"
        in found.findings[0].sentence
    )
    assert found.film is not None
    assert len(found.images) == len(found.actions) + 1
    damage(4)  # which a step needs
    with pytest.raises(RecordingError, match="image 4"):
        _read(path, spec)
    database.close()
