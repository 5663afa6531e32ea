"""The URDF comes from a file or from its topic; what is wrong with it is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ament_index_python.packages import get_package_share_directory
from arms import BASE, TIP, URDF
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

from wm_planner.config import CommandsConfig, Config, ConfigError
from wm_planner.ros import robot_description
from wm_planner.ros.robot_description import read_arm, read_mesh

KEPT = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def _read(
    node: Any, source: str = "robot_description", interrupted: bool = False, **links: str
) -> Any:
    config = CommandsConfig(
        kinematics=source, tip=links.get("tip", TIP), base=links.get("base", "")
    )
    return read_arm(node, Config(commands=config), BASE, lambda: interrupted)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robot_description, "PATIENCE", 60.0)  # on a busy machine


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robot_description, "PATIENCE", 0.5)


def test_without_the_setting_there_is_no_arm(nodes: Any) -> None:
    assert _read(nodes[0], "", tip="") is None
    with pytest.raises(ConfigError, match=r"commands\.tip name links.*kinematics is not set"):
        _read(nodes[0], "")


def test_the_urdf_of_a_file_is_read(nodes: Any, tmp_path: Path) -> None:
    file = tmp_path / "arm.urdf"
    file.write_text(URDF)
    assert len(_read(nodes[0], str(file)).joints) == 7
    assert len(_read(nodes[0], str(file), base="panda_link2").joints) == 5


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"\xff\xfe\x00", "codec"),
        (b"<sdf/>", r"arm\.urdf: the URDF begins with <sdf>"),
        (b"<robot/>", r"arm\.urdf: the URDF has no link 'panda_link0', which commands\.base"),
    ],
)
def test_a_file_that_is_no_urdf_of_the_arm_is_named(
    nodes: Any, tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "arm.urdf"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=words):
        _read(nodes[0], str(file))


def test_the_kept_message_of_the_topic_is_read(nodes: Any, patient: None) -> None:
    planner, arm, _ = nodes
    arm.create_publisher(String, "robot_description", KEPT).publish(String(data=URDF))
    assert len(_read(planner).joints) == 7


def test_a_second_publisher_is_refused(nodes: Any, patient: None) -> None:
    planner, arm, until = nodes
    for node in (planner, arm):
        node.create_publisher(String, "robot_description", KEPT).publish(String(data=URDF))
    until(lambda: planner.count_publishers("robot_description") == 2)
    with pytest.raises(ConfigError, match=r"more than one publisher \(\S+/arm, \S+/planner\)"):
        _read(planner)


def test_a_silent_topic_is_named_with_a_remedy(nodes: Any, hasty: None) -> None:
    with pytest.raises(ConfigError, match=r"no URDF arrived on /\S+ within.*has no publisher"):
        _read(nodes[0])
    with pytest.raises(ConfigError, match="no URDF arrived"):
        _read(nodes[0], interrupted=True)


def test_a_mesh_is_found_in_its_package_its_path_or_beside_the_urdf(tmp_path: Path) -> None:
    manifest = Path(get_package_share_directory("wm_planner"), "package.xml").read_bytes()
    (tmp_path / "meshes").mkdir()
    file = tmp_path / "meshes/a.stl"
    file.write_bytes(b"a")
    assert read_mesh("package://wm_planner/package.xml") == manifest
    assert read_mesh("package://wm_planner//package.xml") == manifest
    assert read_mesh(f"file://{file}") == b"a"
    assert read_mesh("meshes/a.stl", tmp_path) == b"a"
    assert read_mesh(str(file), Path("/")) == b"a"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("package://no_such_package/a.stl", "not installed on this machine, or not sourced"),
        ("package://../wm_planner/a.stl", "not installed on this machine"),
        ("package:///a.stl", "not installed on this machine"),
        ("package://wm_planner/../../a.stl", "a mesh is named by package://"),
        ("file:///opt/../etc/a.stl", "a mesh is named by package://"),
        ("https://example.org/a.stl", "a mesh is named by package://"),
        ("meshes/a.stl", "a mesh is named by package://"),
        ("", "a mesh is named by package://"),
        ("package://wm_planner/a.stl", "No such file"),
        ("package://wm_planner", "it is a directory, not a file"),
        ("file:///dev/zero", "it is a device, not a file"),
        ("file:///a\0", "null byte"),
    ],
)
def test_a_mesh_of_another_name_is_refused(name: str, words: str) -> None:
    with pytest.raises(OSError, match=words):
        read_mesh(name)


def test_a_large_mesh_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "a.stl", "wb") as file:
        file.truncate(robot_description.MAX_MESH + 1)
    with pytest.raises(OSError, match="at most 10000000 are read"):
        read_mesh("a.stl", tmp_path)


def test_the_meshes_of_a_file_are_those_beside_it(nodes: Any, tmp_path: Path) -> None:
    (tmp_path / "arm.urdf").write_text(
        URDF.replace('<capsule radius="0.06" length="0.283"/>', '<mesh filename="link1.stl"/>')
    )
    ((link, why),) = _read(nodes[0], str(tmp_path / "arm.urdf")).solids.unknown
    assert link == "panda_link1"
    assert why == f"No such file or directory: {tmp_path / 'link1.stl'}"
