"""Read the chain of joints between two links of a URDF, and nothing else of it.

What a URDF is, see https://wiki.ros.org/urdf/XML. It comes from outside, so every name and number
is checked, and only a new URDF of the chain reaches the library.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from wm_planner.kinematics.shapes import Shape, read_shapes
from wm_planner.kinematics.values import ANY, UrdfError, number, origin, part, vector
from wm_planner.message_limits import MAX_NAME
from wm_planner.text import did_you_mean, listed, one_line, quoted

MAX_URDF = 4_000_000
"""Largest URDF [characters]; without its meshes, that of a humanoid has 200,000."""
MIN_JOINTS, MAX_JOINTS = 2, 20
"""Fewest and most moving joints of a chain."""
TIP = "tip"
"""Name of the last link of a chain's own URDF."""
MAX_SPEED = 100.0
"""Largest speed of a joint [rad/s]."""


@dataclass(frozen=True)
class Joint:
    """A joint that moves.

    Attributes:
        name: Its name.
        lower: Lowest position [rad].
        upper: Highest position [rad].
        speed: Largest speed [rad/s].
        acceleration: Largest acceleration [rad/s^2]; infinite if the URDF does not say.
        endless: Whether it turns without end, so that positions count modulo 2 pi.
    """

    name: str
    lower: float
    upper: float
    speed: float
    acceleration: float = math.inf
    endless: bool = False


@dataclass(frozen=True)
class Chain:
    """The joints between two links.

    Attributes:
        joints: Those that move, from the base to the tip.
        urdf: A URDF of the chain alone, with other names: its root is the base, and its last link
            is called ``TIP``.
        shapes: The collision shapes of the links that move with it.
    """

    joints: tuple[Joint, ...]
    urdf: str
    shapes: tuple[Shape, ...]


def read_chain(text: str, base: str, tip: str) -> Chain:
    """Return the chain from the link ``base`` to the link ``tip`` of a URDF.

    Raises:
        UrdfError: It is no URDF, or has no such chain; the sentence says what to do.
    """
    robot = _parse(text)
    links = _names(robot, "link")
    parents = _parents(robot)
    inner = {parent for parent, _ in parents.values()}
    tips = [name for name in links if name not in inner]
    if not tip:
        raise UrdfError(
            "commands.tip is not set: name the link of the URDF whose pose the actions command; "
            f"its last links are {listed(tips)}"
        )
    for setting, name in (("base", base), ("tip", tip)):
        if name not in links:
            shown = did_you_mean(name, links)
            raise UrdfError(
                f"the URDF has no link {quoted(name)}, which commands.{setting} names"
                f"{shown if shown != '.' else f'; it has {listed(links)}'}"
            )
    found: list[tuple[str, Element]] = []
    link = tip
    while link != base:
        if link not in parents or len(found) > len(links):
            raise UrdfError(
                f"the URDF has no chain from {quoted(base)} (commands.base) to {quoted(tip)} "
                f"(commands.tip): {quoted(link)} "
                f"{'is a root' if link not in parents else 'is in a circle of joints'}"
            )
        found.append((link, parents[link][1]))
        link = parents[link][0]
    joints, chain = _chain(base, tip, [joint for _, joint in found[::-1]])
    return Chain(joints, chain, read_shapes(robot, parents, base, found[::-1]))


def _parse(text: str) -> Element:
    if len(text) > MAX_URDF:
        raise UrdfError(f"the URDF has {len(text)} characters; at most {MAX_URDF} are read")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UrdfError("the URDF has a document type or an entity, which no URDF needs")
    try:
        robot = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise UrdfError(f"the URDF is no XML: {one_line(str(error), 200)}") from error
    if robot.tag != "robot":
        raise UrdfError(
            f"the URDF begins with <{one_line(robot.tag, 60)}>, not with <robot>: is it xacro, "
            "SDF or MJCF? Convert it first (ros2 run xacro xacro …)"
        )
    return robot


def _names(robot: Element, tag: str) -> list[str]:
    """Return the names of all links or joints."""
    names = [element.get("name", "") for element in robot.findall(tag)]
    if max(map(len, names), default=0) > MAX_NAME:
        raise UrdfError(f"the URDF has a {tag} with a name of more than {MAX_NAME} characters")
    if "" in names or len(set(names)) != len(names):
        raise UrdfError(f"the URDF has a {tag} without a name, or two of one name")
    return names


def _parents(robot: Element) -> dict[str, tuple[str, Element]]:
    """Return the parent of each link, and the joint between them."""
    _names(robot, "joint")
    parents: dict[str, tuple[str, Element]] = {}
    for joint in robot.findall("joint"):
        ends = [joint.find(end) for end in ("parent", "child")]
        parent, child = ("" if end is None else end.get("link", "") for end in ends)
        if not (parent and child) or child in parents:
            what = f"a second parent for {quoted(child)}" if child in parents else "no two links"
            raise UrdfError(f"joint {quoted(joint.get('name'))} of the URDF has {what}")
        parents[child] = parent, joint
    return parents


def _chain(base: str, tip: str, elements: list[Element]) -> tuple[tuple[Joint, ...], str]:
    """Return the joints that move, and the URDF of the chain alone."""
    robot = Element("robot", name="chain")
    names = [*(f"link{i}" for i in range(len(elements))), TIP]
    for name in names:
        SubElement(robot, "link", name=name)
    joints = []
    for i, element in enumerate(elements):
        name, kind = element.get("name", ""), element.get("type", "")
        here = SubElement(robot, "joint", name=f"joint{i}", type="fixed")
        SubElement(here, "parent", link=names[i])
        SubElement(here, "child", link=names[i + 1])
        where = f"joint {quoted(name)}"
        xyz, rpy = origin(element, where)
        SubElement(here, "origin", xyz=_written(xyz), rpy=_written(rpy))
        if kind == "fixed":
            continue
        joint = _joint(element, name, kind)
        joints.append(joint)
        here.set("type", "revolute")
        axis = vector(part(element, "axis"), "xyz", "1 0 0", 1e3, where)
        length = math.hypot(*axis)
        if length < 1e-6:
            raise UrdfError(f"{where} of the URDF has an axis of no length")
        SubElement(here, "axis", xyz=_written([value / length for value in axis]))
        lower, upper, speed = map(repr, (joint.lower, joint.upper, joint.speed))
        SubElement(here, "limit", effort="1", lower=lower, upper=upper, velocity=speed)
    if not MIN_JOINTS <= len(joints) <= MAX_JOINTS:
        raise UrdfError(
            f"{len(joints)} joints move between {quoted(base)} (commands.base) and "
            f"{quoted(tip)} (commands.tip); an arm has {MIN_JOINTS} to {MAX_JOINTS}"
        )
    return tuple(joints), ElementTree.tostring(robot, encoding="unicode")


def _joint(element: Element, name: str, kind: str) -> Joint:
    """Return a joint that moves."""
    where = f"joint {quoted(name)}"
    if set(name) & set("*?[]"):
        raise UrdfError(
            f"{where} of the URDF has a character of patterns (* ? [ ]), so that "
            "limits.joint_names could not name it: rename it"
        )
    if kind not in ("revolute", "continuous"):
        raise UrdfError(
            f"{where} of the URDF is {quoted(kind)}: only joints that turn can be "
            "commanded; choose commands.base behind it"
        )
    if element.find("mimic") is not None:
        raise UrdfError(f"{where} of the URDF mimics another one, and so cannot move")
    limit, endless = part(element, "limit"), kind == "continuous"
    lower, upper = -ANY, ANY
    if not endless:
        lower, upper = (number(limit, end, ANY, where) for end in ("lower", "upper"))
    speed = number(limit, "velocity", MAX_SPEED, where)
    # Of URDF 1.2.
    most = 1e4 if limit.get("acceleration") else math.inf
    acceleration = number(limit, "acceleration", most, where) if most < math.inf else most
    if not (lower < upper and speed > 0 and acceleration > 0):
        raise UrdfError(
            f"{where} of the URDF has the limits {lower:g} to {upper:g} rad, "
            f"{speed:g} rad/s and {acceleration:g} rad/s^2, with which it cannot move"
        )
    return Joint(name, lower, upper, speed, acceleration, endless)


def _written(numbers: list[float]) -> str:
    return " ".join(map(repr, numbers))
