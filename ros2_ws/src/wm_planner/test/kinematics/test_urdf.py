"""The chain of a URDF: what is read of it, and what is wrong with it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from arms import BASE, TIP, URDF, joint, urdf

from wm_planner.kinematics import MAX_URDF, UrdfError
from wm_planner.kinematics.urdf import read_chain

TWO = urdf(joint("j1", "a", "b"), joint("j2", "b", "c"))
NAN = 'lower="-2" upper="nan" velocity="1"'


def test_the_joints_are_those_between_the_links_with_their_limits() -> None:
    joints = read_chain(URDF, BASE, TIP).joints
    assert [joint.name for joint in joints] == [f"panda_joint{i}" for i in range(1, 8)]
    assert [joint.lower for joint in joints][3:6] == [-3.0718, -2.8973, -0.0175]
    assert [joint.upper for joint in joints][3:6] == [-0.0698, 2.8973, 3.7525]
    assert [joint.speed for joint in joints] == [2.175] * 4 + [2.61] * 3
    assert [joint.acceleration for joint in joints] == [15, 7.5, 10, 12.5, 15, 20, 20]
    part = read_chain(URDF, "panda_link2", "panda_link5").joints
    assert [joint.name for joint in part] == ["panda_joint3", "panda_joint4", "panda_joint5"]


def test_what_is_not_part_of_the_chain_does_not_matter() -> None:
    finger = joint("finger", "b", "d", type="prismatic", limit="")
    mesh = '<link name="x"><visual><geometry><mesh filename="package://a/b"/></geometry></visual></link>'
    text = TWO.replace(
        "</robot>", f"{finger}{mesh}<transmission><joint name='j1'/></transmission></robot>"
    )
    chain = read_chain(text, "a", "c")
    assert [joint.name for joint in chain.joints] == ["j1", "j2"]
    assert "mesh" not in chain.urdf
    assert not {"finger", "j1"} & set(chain.urdf.split('"')), "no name from outside"


def test_a_joint_without_an_acceleration_has_no_limit_of_it() -> None:
    assert read_chain(TWO, "a", "c").joints[0].acceleration == math.inf


def test_a_joint_that_turns_without_end_needs_no_positions() -> None:
    endless = joint("j1", "a", "b", type="continuous", limit='velocity="1"')
    text = urdf(endless, joint("j2", "b", "c"))
    found, _ = read_chain(text, "a", "c").joints
    assert found.endless
    assert found.lower < -math.pi
    assert found.upper > math.pi


@pytest.mark.parametrize(
    ("text", "base", "tip", "words"),
    [
        ("", "a", "c", "no XML"),
        ("\0", "a", "c", "no XML"),
        ("<robot>", "a", "c", "no XML"),
        ("<sdf/>", "a", "c", "begins with <sdf>, not with <robot>: is it xacro, SDF or MJCF"),
        ("<!DOCTYPE robot [<!ENTITY a 'b'>]><robot/>", "a", "c", "document type or an entity"),
        (TWO, "a", "", r"commands\.tip is not set.*its last links are c, d, e"),
        (TWO, "a", "k", r"no link 'k', which commands\.tip names; it has a, b, c"),
        (URDF, "panda_link_0", TIP, r"commands\.base names: did you mean panda_link0"),
        (TWO, "c", "a", r"no chain from 'c' \(commands\.base\) to 'a' .*'a' is a root"),
        (TWO, "c", "c", "0 joints move between 'c'"),
        (TWO, "a", "e", "'e' is a root"),
        (urdf(joint("j", "a", "b"), joint("k", "b", "a")), "c", "b", "circle of joints"),
        (urdf(joint("j", "a", "b"), joint("k", "c", "b")), "a", "b", "second parent for 'b'"),
        (urdf(joint("j", "a", "b"), joint("j", "b", "c")), "a", "c", "two of one name"),
        (urdf(joint("", "a", "b")), "a", "b", "a joint without a name"),
        (urdf(joint("j" * 300, "a", "b")), "a", "b", "a name of more than 256 characters"),
        (urdf(joint("j", "a", "")), "a", "b", "has no two links"),
        (urdf(joint("j", "a", "b", type="prismatic")), "a", "b", "only joints that turn"),
        (urdf(joint("j", "a", "b", type="floating")), "a", "b", "only joints that turn"),
        (urdf(joint("j", "a", "b", more='<mimic joint="k"/>')), "a", "b", "mimics another one"),
        (urdf(joint("j", "a", "b", limit=None)), "a", "b", "has no limit lower: add it"),
        (urdf(joint("j", "a", "b", limit='lower="0" upper="1"')), "a", "b", "no limit velocity"),
        (urdf(joint("j", "a", "b", limit=NAN)), "a", "b", "limit upper is 'nan', no number"),
        (urdf(joint("j", "a", "b", limit='lower="1" upper="1" velocity="1"')), "a", "b", "cannot"),
        (urdf(joint("j", "a", "b", limit='lower="0" upper="1" velocity="0"')), "a", "b", "cannot"),
        (urdf(joint("j", "a", "b", xyz="0 0")), "a", "b", "origin xyz is no 3 numbers"),
        (urdf(joint("j", "a", "b", xyz="0 0 1e9")), "a", "b", "no number of at most 10"),
        (urdf(joint("j", "a", "b", xyz="${x} 0 0")), "a", "b", r"'\$\{x\}', no number"),
        (urdf(joint("j", "a", "b", rpy="inf 0 0")), "a", "b", "origin rpy is 'inf'"),
        (urdf(joint("j", "a", "b", axis="0 0 0")), "a", "b", "axis of no length"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, base: str, tip: str, words: str) -> None:
    with pytest.raises(UrdfError, match=words):
        read_chain(text, base, tip)


def test_a_large_or_deep_urdf_is_refused() -> None:
    with pytest.raises(UrdfError, match="characters; at most"):
        read_chain("<robot>" + " " * MAX_URDF + "</robot>", "a", "b")
    deep = "<robot>" + "<a>" * 200_000 + "</a>" * 200_000 + "</robot>"
    with pytest.raises(UrdfError, match="no link 'a'"):
        read_chain(deep, "a", "b")
    links = [f"l{i}" for i in range(30)]
    joints = [joint(f"j{i}", *pair) for i, pair in enumerate(pairwise(links))]
    named = "".join(f'<link name="{link}"/>' for link in links)
    with pytest.raises(UrdfError, match="29 joints move between 'l0'"):
        read_chain(f"<robot>{named}{''.join(joints)}</robot>", "l0", "l29")
