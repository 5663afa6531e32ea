"""The collision shapes of a URDF: where they are, what they are, and which cannot be used."""

from __future__ import annotations

import errno
import re

import numpy as np
import pytest
from arms import joint
from scipy.spatial.transform import Rotation
from shaped_arms import arm_of, boxes, shape, text_of

from wm_planner.kinematics import Arm, Links, solids
from wm_planner.kinematics.solids import MAX_CORNERS, MAX_SHAPES

AT, TURNED = "0.03 -0.02 0.05", "0.4 -0.5 0.6"
MESH = '<mesh filename="solid.stl"/>'
ASCII = "solid a\n{}endsolid a\n"
VERTEX = "facet normal 0 0 1\nouter loop\n{}endloop\nendfacet\n"
CUBE = "\n".join(f"v {x} {y} {z}" for x in (0, 1) for y in (0, 1) for z in (0, 1))


def _links(text: str, mesh: bytes = b"") -> Links:
    arm = arm_of(text, lambda name: mesh)
    assert arm.solids.unknown == []
    return arm.links(0.01)


def test_shapes_stand_where_the_fixed_links_behind_tip_and_base_are() -> None:
    text = text_of(
        joint("j4", "d", "e", type="fixed", xyz="0.1 0.2 0.3", rpy=TURNED),
        joint("j5", "e", "h", type="fixed", xyz=AT),  # the middle of the ball on e
        joint("j6", "f", "a", type="fixed", xyz="-0.2 0.1 0.4", rpy=TURNED),
        joint("j7", "f", "g", type="fixed", xyz="0.2 0 0", rpy="0 0.3 0"),
        e=shape(xyz=AT),
        g=shape(xyz=AT),
    )
    links, from_root = _links(text), Arm(text, "f", "h")
    assert links.pairs == [("e", "g")]
    standing = np.array([0.2, 0, 0]) + Rotation.from_euler("y", 0.3).apply([0.03, -0.02, 0.05])
    for joints in np.random.default_rng(0).uniform(-2, 2, (20, 3)):
        apart = np.linalg.norm(from_root.pose(joints)[:3] - standing)
        np.testing.assert_allclose(links.distances(joints), [apart - 0.08], atol=1e-9)


def test_shapes_are_turned_and_sized_as_the_urdf_says() -> None:
    found = {}
    for name, geometry in {
        "box": '<box size="0.2 0.1 0.06"/>',
        "mesh": MESH.replace("/>", ' scale="0.001 0.001 0.001"/>'),
        "cylinder": '<cylinder radius="0.05" length="0.2"/>',
        "capsule": '<capsule radius="0.05" length="0.2"/>',
    }.items():
        text = text_of(a=shape(), d=shape(geometry, xyz=AT, rpy=TURNED))
        links = _links(text, boxes([200, 100, 60], [0, 0, 0]))
        found[name] = np.array([links.distances(np.full(3, 0.1 * i))[0] for i in range(8)])
    np.testing.assert_allclose(found["mesh"], found["box"], atol=1e-6)
    turned = Rotation.from_euler("xyz", [0.4, -0.5, 0.6])  # about fixed axes
    for i, joints in enumerate(np.full(3, 0.1 * i) for i in range(8)):
        pose = arm_of(text_of()).pose(joints)
        hand = Rotation.from_quat(pose[3:])
        middle = pose[:3] + hand.apply([0.03, -0.02, 0.05])
        local = (hand * turned).inv().apply(-middle)  # the ball, seen from the shape
        outside = np.maximum(np.abs(local) - [0.1, 0.05, 0.03], 0)
        assert found["box"][i] == pytest.approx(np.linalg.norm(outside) - 0.04, abs=1e-6)
        rest = np.hypot(local[0], local[1]), max(abs(local[2]) - 0.1, 0)
        assert found["capsule"][i] == pytest.approx(np.hypot(*rest) - 0.09, abs=1e-6)
        side = max(rest[0] - 0.05, 0)
        assert found["cylinder"][i] == pytest.approx(np.hypot(side, rest[1]) - 0.04, abs=1e-6)


def test_each_shape_of_a_link_counts() -> None:
    assert _links(text_of(a=shape() + shape(), d=shape())).pairs == [("a", "d"), ("a", "d")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("solid.stl", boxes([1, 1, 1], [0.5, 0.5, 0.5])),
        ("solid.STL", boxes([0.3, 1, 1], [0.15, 0.5, 0.5], [0.85, 0.5, 0.5])),  # hollow
        ("solid.obj", f"# cube\n{CUBE}\nf 1 2 3\nmtllib other.mtl\n".encode()),
        ("solid.stl", ASCII.format(VERTEX.format(CUBE.replace("v ", "vertex ") + "\n")).encode()),
    ],
)
def test_a_mesh_counts_as_its_convex_hull(name: str, data: bytes) -> None:
    mesh = f'<mesh filename="{name}" scale="0.1 0.2 -0.3"/>'
    links = _links(text_of(a=shape(), d=shape(mesh)), data)
    box = _links(text_of(a=shape(), d=shape('<box size="0.1 0.2 0.3"/>', xyz="0.05 0.1 -0.15")))
    for joints in np.random.default_rng(0).uniform(-1, 1, (10, 3)):
        np.testing.assert_allclose(links.distances(joints), box.distances(joints), atol=1e-6)


def test_what_stands_behind_the_tip_counts_and_a_second_arm_does_not() -> None:
    finger = joint("j4", "d", "e", type="prismatic", xyz="0 0 0.1", limit="")
    other = joint("j5", "a", "f", xyz="0.2 0 0")
    hand = joint("j6", "f", "g", type="fixed", xyz="0 0 0.2")
    arm = arm_of(text_of(finger, other, hand, **dict.fromkeys("aefg", shape())))
    links = arm.links(0.01)
    assert links.pairs == [("a", "e")]
    assert links.distances(np.zeros(3)) == pytest.approx([1.0 - 0.08])
    assert [link for link, _ in arm.solids.unknown] == ["f", "g"]
    assert "behind a joint that is not between commands.base and" in arm.solids.unknown[0][1]


@pytest.mark.parametrize(
    ("collision", "words"),
    [
        (shape('<sphere radius="0"/>'), "a collision shape of the URDF: a sphere has a size that"),
        (shape('<sphere radius="-1"/>'), "not above 0"),
        (shape('<sphere radius="nan"/>'), "a collision shape of the URDF: sphere radius is 'nan'"),
        (shape("<sphere/>"), "of the URDF has no sphere radius: add it"),
        (shape('<cylinder radius="0.1"/>'), "has no cylinder length: add it"),
        (shape('<box size="1 1"/>'), "box size is no 3 numbers"),
        (shape("<box/>"), "box size is no 3 numbers"),
        (shape('<box size="1 1 1001"/>'), "'1001', no number of at most 1000"),
        (shape('<mesh filename="a.stl" scale="1 1 inf"/>'), "mesh scale is 'inf'"),
        (shape(xyz="0 0"), "origin xyz is no 3 numbers"),
        (shape(rpy="0 0 x"), "origin rpy is 'x'"),
        ("<collision/>", "'nothing' is no shape that is known"),
        (shape("<torus/>"), "'torus' is no shape that is known"),
    ],
)
def test_a_shape_that_cannot_be_does_not_count(collision: str, words: str) -> None:
    arm = arm_of(text_of(a=shape(), c=shape(), d=collision))
    assert arm.links(0.01).pairs == [("a", "c")]
    ((link, why),) = arm.solids.unknown
    assert link == "d"
    assert re.search(words, why), why


def test_a_joint_beside_the_arm_that_cannot_be_leaves_out_what_is_behind_it() -> None:
    far = joint("j4", "d", "e", type="fixed", xyz="0 0 1e9")
    above = joint("j5", "f", "a", type="fixed", rpy="x")
    arm = arm_of(text_of(far, above, **dict.fromkeys("acef", shape())))
    assert arm.links(0.01).pairs == [("a", "c")]
    assert [link for link, _ in arm.solids.unknown] == ["e", "f"]


NAN = np.frombuffer(boxes([1, 1, 1], [0, 0, 0]), np.uint8).copy()
NAN[96:100] = np.frombuffer(np.float32(np.nan).tobytes(), np.uint8)
HUGE = NAN.copy()
HUGE[96:100] = np.frombuffer(np.float32(3e38).tobytes(), np.uint8)


@pytest.mark.parametrize(
    ("mesh", "content", "words"),
    [
        (MESH, None, r"No such file or directory: solid\.stl"),
        (MESH, b"", "'solid.stl' cannot be read: it has no four corners; is it another format"),
        (MESH, bytes(80) + b"\xff\xff\xff\x7f", "it has no four corners"),
        (MESH, b"<html>not found</html>" * 10, "it has no four corners"),
        (MESH, ASCII.format(VERTEX.format("vertex 1 x 0\n")).encode(), "'solid.stl' cannot be"),
        (MESH, ASCII.format(VERTEX.format("vertex 1 0\n")).encode(), "cannot be read"),
        (MESH, NAN.tobytes(), "a corner is not finite"),
        (MESH, HUGE.tobytes(), "is it in millimeters"),
        (MESH, boxes([200, 100, 60], [0, 0, 0]), r'in millimeters\? Give it scale="0.001 0.001'),
        (MESH, boxes([0.2, 0.1, 0], [0, 0, 0]), "is no solid: all its points lie in a plane"),
        (MESH, boxes([0.2, 0.1, 1e-5], [0, 0, 0]), "is no solid: it is thinner than 0.1 mm"),
        (MESH.replace("/>", ' scale="0 0 0"/>'), boxes([1, 1, 1], [0, 0, 0]), "is no solid"),
        (MESH.replace("/>", ' scale="1 1 1e-9"/>'), boxes([1, 1, 1], [0, 0, 0]), "is no solid"),
        (MESH.replace(".stl", ".dae"), b"", r"'solid\.dae' is no \.stl or \.obj file: convert it"),
        ("<mesh/>", b"", r"mesh '' is no \.stl or \.obj file"),
    ],
)
def test_a_mesh_that_cannot_be_used_does_not_count(
    mesh: str, content: bytes | None, words: str
) -> None:
    def find(name: str) -> bytes:
        if content is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return content

    arm = arm_of(text_of(a=shape(), c=shape(), d=shape(mesh)), find)
    assert arm.links(0.01).pairs == [("a", "c")]
    ((_, why),) = arm.solids.unknown
    assert re.search(words, why), why


def test_too_many_or_too_large_shapes_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = arm_of(text_of(a=shape(), d=shape() * (MAX_SHAPES + 1)))
    assert len(arm.links(0.01).pairs) == MAX_SHAPES - 1
    assert [link for link, _ in arm.solids.unknown] == ["d", "d"]
    assert f"only {MAX_SHAPES} shapes are compared" in arm.solids.unknown[0][1]
    cube = boxes([0.1] * 3, [0, 0, 0])
    monkeypatch.setattr(solids, "MAX_ALL_CORNERS", 7)
    other = shape(MESH.replace("solid", "other"))
    read: list[str] = []
    arm = arm_of(text_of(a=shape(MESH) * 3, d=other), lambda name: read.append(name) or cube)
    assert [link for link, _ in arm.solids.unknown] == ["d"]
    assert "'other.stl' is one too many: all may have 7 corners" in arm.solids.unknown[0][1]
    assert read == ["solid.stl"], "a mesh is read once, and no more than may be"


@pytest.mark.parametrize(
    ("count", "words"), [(300, "too many edges"), (MAX_CORNERS, "corners; at")]
)
def test_a_mesh_of_too_many_corners_does_not_count(count: int, words: str) -> None:
    angles, read = np.linspace(0, 6, count), list[str]()
    circle = [f"v {np.cos(angle)} {np.sin(angle)} 0" for angle in angles]
    cone = "\n".join(["v 0 0 1", *circle]).encode()
    cones = shape('<mesh filename="cone.obj"/>') * 3
    arm = arm_of(text_of(a=shape(), d=cones), lambda name: read.append(name) or cone)
    assert [words in why for _, why in arm.solids.unknown] == [True] * 3
    assert read == ["cone.obj"], "a failure is remembered"


def test_meshes_are_not_looked_for_without_being_told_where() -> None:
    why = arm_of(text_of(d=shape(MESH))).solids.unknown[0][1]
    assert "meshes are not looked for" in why
