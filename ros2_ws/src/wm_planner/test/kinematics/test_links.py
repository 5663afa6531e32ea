"""The distances between the links of an arm, by the collision shapes of its URDF."""

from __future__ import annotations

import errno
import re
import struct
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from arms import HOME, joint, panda, urdf
from scipy.spatial.transform import Rotation

from wm_planner.kinematics import Arm, UrdfError
from wm_planner.kinematics.arm import no_mesh
from wm_planner.kinematics.shapes import MAX_SHAPES

AT, TURNED = "0.03 -0.02 0.05", "0.4 -0.5 0.6"
BALL = '<sphere radius="0.04"/>'
MESH = '<mesh filename="solid.stl"/>'


def _shape(geometry: str = BALL, xyz: str = "0 0 0", rpy: str = "0 0 0") -> str:
    origin = f'<origin xyz="{xyz}" rpy="{rpy}"/>'
    return f"<collision>{origin}<geometry>{geometry}</geometry></collision>"


def _text(*more: str, axis: str = "0 1 0", **shapes: str) -> str:
    """Links a to d with three joints, 0.3 m from each other, and more; links with shapes."""
    joints = [joint(f"j{i}", *ends, axis=axis) for i, ends in enumerate(("ab", "bc", "cd"))]
    text = urdf(*joints, *more)
    for link, shape in shapes.items():
        text = text.replace(f'<link name="{link}"/>', f'<link name="{link}">{shape}</link>')
    return text


def _arm(text: str, find: Any = no_mesh) -> Arm:
    return Arm(text, "a", "d", find)


def _write_boxes(file: Path, size: list[float], *centers: list[float]) -> None:
    """Write boxes as a binary STL."""
    faces = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1)]
    faces += [(2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3)]
    corners = np.array(list(product((-0.5, 0.5), repeat=3))) * size
    solids = [corners + center for center in centers]
    rows = [
        struct.pack("<12fH", 0, 0, 0, *solid[list(face)].ravel(), 0)
        for solid in solids
        for face in faces
    ]
    file.write_bytes(bytes(80) + struct.pack("<I", len(rows)) + b"".join(rows))


def test_shapes_stand_where_the_fixed_links_behind_tip_and_base_are() -> None:
    text = _text(
        joint("j4", "d", "e", type="fixed", xyz="0.1 0.2 0.3", rpy=TURNED),
        joint("j5", "e", "h", type="fixed", xyz=AT),  # the middle of the ball on e
        joint("j6", "f", "a", type="fixed", xyz="-0.2 0.1 0.4", rpy=TURNED),
        joint("j7", "f", "g", type="fixed", xyz="0.2 0 0", rpy="0 0.3 0"),
        e=_shape(xyz=AT),
        g=_shape(xyz=AT),
    )
    arm, from_root = _arm(text), Arm(text, "f", "h")
    assert arm.links.pairs == [("e", "g")]
    standing = np.array([0.2, 0, 0]) + Rotation.from_euler("y", 0.3).apply([0.03, -0.02, 0.05])
    for joints in np.random.default_rng(0).uniform(-2, 2, (20, 3)):
        apart = np.linalg.norm(from_root.pose(joints)[:3] - standing)
        np.testing.assert_allclose(arm.links.distances(joints), [apart - 0.08], atol=1e-9)


def test_shapes_are_turned_and_sized_as_the_urdf_says(tmp_path: Path) -> None:
    _write_boxes(tmp_path / "solid.stl", [200, 100, 60], [0, 0, 0])
    scaled = MESH.replace("/>", ' scale="0.001 0.001 0.001"/>')
    places = {"xyz": AT, "rpy": TURNED}
    ball = '<sphere radius="0.05"/>'
    found = {}
    for name, geometry in {
        "box": '<box size="0.2 0.1 0.06"/>',
        "mesh": scaled,
        "cylinder": '<cylinder radius="0.05" length="0.2"/>',
        "capsule": '<capsule radius="0.05" length="0.2"/>',
    }.items():
        text = _text(a=_shape(), d=_shape(geometry, **places))
        links = _arm(text, lambda name: tmp_path / name).links
        assert links.unknown == []
        found[name] = np.array([links.distances(np.full(3, 0.1 * i))[0] for i in range(8)])
    np.testing.assert_allclose(found["mesh"], found["box"], atol=1e-6)
    turned = Rotation.from_euler("xyz", [0.4, -0.5, 0.6])  # about fixed axes
    for i, joints in enumerate(np.full(3, 0.1 * i) for i in range(8)):
        pose = _arm(_text()).pose(joints)
        hand = Rotation.from_quat(pose[3:])
        middle = pose[:3] + hand.apply([0.03, -0.02, 0.05])
        local = (hand * turned).inv().apply(-middle)  # the ball, seen from the shape
        outside = np.maximum(np.abs(local) - [0.1, 0.05, 0.03], 0)
        assert found["box"][i] == pytest.approx(np.linalg.norm(outside) - 0.04, abs=1e-6)
        rest = np.hypot(local[0], local[1]), max(abs(local[2]) - 0.1, 0)
        assert found["capsule"][i] == pytest.approx(np.hypot(*rest) - 0.09, abs=1e-6)
        side = max(rest[0] - 0.05, 0)
        assert found["cylinder"][i] == pytest.approx(np.hypot(side, rest[1]) - 0.04, abs=1e-6)
    both = _arm(_text(a=_shape(ball) + _shape(BALL), d=_shape())).links
    assert both.pairs == [("a", "d"), ("a", "d")], "each shape of a link counts"


def test_a_mesh_counts_as_its_convex_hull(tmp_path: Path) -> None:
    _write_boxes(tmp_path / "solid.stl", [0.1, 0.1, 0.1], [-0.3, 0, 0], [0.3, 0, 0])
    links = _arm(_text(a=_shape(), d=_shape(MESH)), lambda name: tmp_path / name).links
    assert links.distances(np.zeros(3))[0] == pytest.approx(0.9 - 0.05 - 0.04)


def test_what_stands_behind_the_tip_counts_and_a_second_arm_does_not() -> None:
    finger = joint("j4", "d", "e", type="prismatic", xyz="0 0 0.1", limit="")
    other = joint("j5", "a", "f", xyz="0.2 0 0")
    hand = joint("j6", "f", "g", type="fixed", xyz="0 0 0.2")
    text = _text(finger, other, hand, **dict.fromkeys("aefg", _shape()))
    links = _arm(text).links
    assert links.pairs == [("a", "e")]
    assert links.distances(np.zeros(3)) == pytest.approx([1.0 - 0.08])


def test_neighbours_and_links_across_axes_that_cross_are_left_out() -> None:
    shapes = dict.fromkeys("abcd", _shape())
    assert _arm(_text(**shapes)).links.pairs == [("a", "c"), ("a", "d"), ("b", "d")]
    crossed = _text(**shapes).replace(
        '<origin xyz="0 0 0.3" rpy="0 0 0"/><axis xyz="0 1 0"/>',
        '<origin xyz="0 0 0.3" rpy="0 0 0"/><axis xyz="1 0 0"/>',
        1,
    )
    assert _arm(crossed).links.pairs == [("a", "c"), ("a", "d"), ("b", "d")], "0.3 m apart"
    crossed = crossed.replace('<axis xyz="1 0 0"/>', '<axis xyz="0 0 1"/>')
    assert _arm(crossed).links.pairs == [("a", "d"), ("b", "d")]


def test_shapes_that_overlap_by_design_are_left_out() -> None:
    shapes = {"a": _shape('<sphere radius="0.5"/>'), "d": _shape()}
    assert _arm(_text(**shapes)).links.pairs == [("a", "d")]
    shapes["a"] = _shape('<sphere radius="0.9"/>')
    assert _arm(_text(**shapes)).links.pairs == []


def test_the_shipped_panda_is_known_and_apart_at_home() -> None:
    links = panda().links
    assert links.unknown == []
    assert {name for pair in links.pairs for name in pair} == {
        "panda_hand", *(f"panda_link{i}" for i in range(8))
    }  # fmt: skip
    assert links.distances(HOME).min() > 0.08
    folded = links.distances(HOME + np.array([0, 0, 0, -0.7, 0, -0.8, 0]))
    assert folded.min() < 0
    assert links.pairs[folded.argmin()] == ("panda_link2", "panda_hand")


BAR = _shape('<box size="0.02 0.02 1.2"/>')  # it turns about its middle


@pytest.mark.parametrize("arm", [panda(), _arm(_text(a=_shape(), b=BAR, c=BAR, d=BAR))])
def test_no_pair_comes_nearer_that_is_not_at_risk(arm: Arm) -> None:
    rng, count = np.random.default_rng(0), len(arm.joints)
    links, joints, found, least = arm.links, np.zeros(count), 0, 0.03
    joints = np.clip(joints, arm.limits.lower, arm.limits.upper)
    for _ in range(400):
        move = rng.uniform(-1, 1, count) * rng.choice([0.03, 0.3, 1.0])
        if rng.random() < 0.5:
            move *= np.arange(count) == rng.integers(count)  # one joint alone
        move = np.clip(joints + move, arm.limits.lower, arm.limits.upper) - joints
        before = links.distances(joints)
        risk = links.at_risk(joints, move, least)
        pairs = list(risk)
        np.testing.assert_allclose(list(risk.values()), np.minimum(least, before[pairs]), atol=1e-5)
        others = np.setdiff1d(np.arange(len(before)), pairs)
        for share in np.linspace(0, 1, 6):
            assert links.distances(joints + share * move)[others].min(initial=least) >= least
        found += len(others)
        joints = joints + move
    assert found > 0.4 * 400 * len(links.pairs), "most are not at risk"


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (_shape('<sphere radius="0"/>'), "'d' of the URDF: a sphere has a size that is not above"),
        (_shape('<sphere radius="-1"/>'), "not above 0"),
        (_shape('<sphere radius="nan"/>'), "a collision of link 'd' of the URDF: sphere radius"),
        (_shape("<sphere/>"), "link 'd' of the URDF has no sphere radius: add it"),
        (_shape('<cylinder radius="0.1"/>'), "has no cylinder length: add it"),
        (_shape('<box size="1 1"/>'), "box size is no 3 numbers"),
        (_shape("<box/>"), "box size is no 3 numbers"),
        (_shape('<box size="1 1 11"/>'), "'11', no number of at most 10"),
        (_shape('<mesh filename="a.stl" scale="1 1 inf"/>'), "mesh scale is 'inf'"),
        (_shape(xyz="0 0"), "origin xyz is no 3 numbers"),
        (_shape(rpy="0 0 x"), "origin rpy is 'x'"),
        (_shape() * (MAX_SHAPES + 1), f"{MAX_SHAPES + 2} collision shapes; at most {MAX_SHAPES}"),
    ],
)
def test_what_is_wrong_with_a_shape_is_said(shape: str, words: str) -> None:
    with pytest.raises(UrdfError, match=words):
        _arm(_text(a=_shape(), d=shape))


@pytest.mark.parametrize(
    ("shape", "content", "words"),
    [
        ("<collision/>", None, "'nothing' is no shape that is known"),
        (_shape("<torus/>"), None, "'torus' is no shape that is known"),
        (_shape(MESH), None, "No such file or directory: solid.stl"),
        (_shape(MESH), b"", "solid.stl is no mesh of a solid: .*empty"),
        (_shape(MESH), bytes(80) + b"\xff\xff\xff\x7f", "solid.stl is no mesh of a solid"),
        (_shape(MESH), b"solid a\n" + b"facet normal 0 0 1\nouter loop\nvertex 0 0 0\n"
         b"vertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n" * 4 + b"endsolid\n", "no mesh of a"),
        (_shape(MESH.replace(".stl", ".dae")), b"", r"is no \.stl or \.obj file: convert it"),
    ],
)  # fmt: skip
def test_a_shape_that_cannot_be_used_does_not_count(
    shape: str, content: bytes | None, words: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "solid.stl").write_bytes(content)

    def find(name: str) -> Path:
        if content is None:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return tmp_path / name

    arm = _arm(_text(a=_shape(), c=_shape(), d=shape), find)
    assert arm.links.pairs == [("a", "c")]
    ((link, why),) = arm.links.unknown
    assert link == "d"
    assert re.search(words, why), why


def test_a_mesh_in_millimeters_is_recognised(tmp_path: Path) -> None:
    _write_boxes(tmp_path / "solid.stl", [200, 100, 60], [0, 0, 0])
    arm = _arm(_text(a=_shape(), d=_shape(MESH)), lambda name: tmp_path / name)
    assert "is it in millimeters" in arm.links.unknown[0][1]


def test_meshes_are_not_looked_for_without_being_told_where() -> None:
    assert "meshes are not looked for" in _arm(_text(d=_shape(MESH))).links.unknown[0][1]
