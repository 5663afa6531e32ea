"""Limits of joints that also keep the hand in its region, by the arm's kinematics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wm_planner.config import LimitsConfig
from wm_planner.control.command_limits import CommandLimits, LimitsError
from wm_planner.control.part_limits import PartLimits
from wm_planner.kinematics import Arm
from wm_planner.text import listed, one_line
from wm_planner.types import Vector

ROUNDING = 1e-4
"""How far outside of its region the error of the inverse kinematics may bring the hand [m, rad]."""
NEARER = 2e-3
"""Links that are nearer than allowed by more were so when the goal started [m]."""
MOST = 5
"""Most sentences on shapes that cannot be used."""
SPACING = 0.05
"""Largest way of a joint between two postures in which the hand must be inside [rad]."""


class HandLimits(CommandLimits):
    """The limits of joints, of which none may bring the hand out of its region.

    Nor may one bring two links of the arm nearer to each other than ``min_link_distance``. All
    joints brake in proportion, so that the way of the arm while they do is known.

    Args:
        config: The limits of the joints.
        joints: Their names, all of the arm's in any order.
        regions: The limits of the hand, each with its part of a pose (7,).
        arm: The arm.
        prefix: What the names of violations begin with, to count them apart from the hand's.

    Attributes:
        obstacle: What kept ``stays`` from being true for this command, as a sentence.
    """

    bisections = 10

    def __init__(
        self,
        config: LimitsConfig,
        joints: Sequence[str],
        regions: Sequence[tuple[PartLimits, slice]],
        arm: Arm,
        prefix: str = "",
    ) -> None:
        super().__init__(config, joints)
        self._regions, self._arm, self._prefix = regions, arm, prefix
        self._order = [list(joints).index(name) for name in arm.joints]
        self._apart, self.obstacle = config.min_link_distance, ""
        self._links = arm.links(self._apart) if self._apart else None
        named = ", ".join(limits.region for limits, _ in regions)
        self.region = f"{self.region}, with the hand inside {named}"
        if config.min_link_distance:
            self.region += ", and its links apart (limits.min_link_distance)"

    def start_goal(self, joints: Vector) -> None:
        """Begin a goal at joints (J,) [rad]."""
        self.obstacle = ""
        if self._links:
            self._links.start_goal(joints[self._order])

    def start_command(self) -> None:
        """Begin with another command."""
        self.obstacle = ""
        if self._links:
            self._links.start_command()

    def pose(self, joints: Vector) -> Vector:
        """Return the pose (7,) of the hand at joints (J,) [rad]."""
        return self._arm.pose(joints[self._order])

    @property
    def unchecked(self) -> list[str]:
        """What of self-collision is not checked, as sentences."""
        links = self._links
        if not links:
            return []
        left, reasons = [], dict[str, list[str]]()
        for link, why in self._arm.solids.unknown:
            reasons.setdefault(why, []).append(link)
        for why, of in list(reasons.items())[:MOST]:
            names = listed(dict.fromkeys(of))
            left.append(f"self-collision is not checked for shapes of {names}: {why}")
        if others := [name for of in list(reasons.values())[MOST:] for name in of]:
            names = listed(dict.fromkeys(others))
            left.append(f"self-collision is not checked for shapes of {names}, for other reasons")
        if links.near:
            names = listed([f"{one} - {two}" for one, two in dict.fromkeys(links.near)])
            left.append(
                f"self-collision is not checked between {names}: by their shapes they are nearer "
                "than limits.min_link_distance in most postures (a mesh counts as its convex hull)"
            )
        if links.uncompared:
            left.append(
                f"self-collision is not checked for {links.uncompared} pairs of shapes, because "
                "there are too many: give the links fewer shapes"
            )
        if not links.pairs:
            left.append(
                "self-collision is not checked: the URDF of commands.kinematics has no collision "
                "shapes of links that could touch each other. Choose a workspace in which they do "
                "not, and set limits.min_link_distance to 0 to end this warning"
            )
        return left

    def counted_as(self, limit: str) -> str:
        """Return the name under which violations of a limit are counted."""
        return self._prefix + limit

    def within(self, move: Vector, center: Vector, radius: float) -> Vector:
        """Return the move between ``move`` and ``center`` that is within ``radius`` of it."""
        offset = move - center
        length = float(np.abs(offset).max())
        return move if length <= radius else np.asarray(center + offset * (radius / length))

    def braking(self, velocity: Vector) -> Vector:
        """Return the move (J,) of joints that brake to rest in proportion."""
        return np.asarray(velocity * np.abs(velocity).max() / (2 * self.acceleration))

    def stays(self, start: Vector, move: Vector) -> bool:
        """Return whether a move keeps joints, hand and links inside, or no further outside."""
        if not super().stays(start, move):
            return False
        begin, way = start[self._order], move[self._order]
        if self._links and (near := self._links.nearer(begin, way)) is not None:
            self.obstacle = self._meeting(near, begin)
            return False
        count = max(2, math.ceil(float(np.abs(move).max()) / SPACING))
        for share in np.linspace(0.0, 1.0, count + 1)[1:]:
            after = begin + share * way
            pose = self._arm.pose(after)
            for limits, part in self._regions:
                now = _outside(limits, pose[part])
                if now > ROUNDING and now > _outside(limits, self._arm.pose(begin)[part]):
                    self.obstacle = (
                        f"the hand is held at the edge of {limits.region}: choose a goal inside"
                    )
                    return False
        return True

    def _meeting(self, pair: int, joints: Vector) -> str:
        """Return that a pair of links would come too near, as a sentence."""
        assert self._links
        if pair < 0:
            return (
                "so many links are near to each other that the arm slows down, because their "
                "distances take too long: give the links fewer shapes in the URDF"
            )
        distance = self._links.distance(pair, joints)
        first, second = (one_line(name, 60) for name in self._links.pairs[pair])
        if distance < self._apart - NEARER:
            return (
                f"{first} and {second} are {distance:.3f} m apart, nearer than "
                f"limits.min_link_distance ({self._apart:g} m), so that they may only come apart: "
                "move the arm to another posture, or check their collision shapes in the URDF"
            )
        return (
            f"{first} and {second} come no nearer to each other than limits.min_link_distance "
            f"({self._apart:g} m): choose another goal, or move the arm to another posture"
        )


def _outside(limits: PartLimits, point: Vector) -> float:
    """Return how far a point (n,) is outside of its region [m or rad]."""
    inside = limits.into(point)
    return 0.0 if np.array_equal(inside, point) else limits.size(limits.between(point, inside))


def joint_config(config: LimitsConfig, arm: Arm, policy: str = "clamp") -> LimitsConfig:
    """Return the limits of an arm's joints: the stricter ones of settings and URDF.

    Speed and acceleration are those of the joint that has the smallest.

    Raises:
        LimitsError: Those of the settings are invalid, or leave a joint no room.
    """
    lower, upper = arm.limits.lower, arm.limits.upper
    if config.joint_min or config.joint_max:
        given = CommandLimits(config, arm.joints)
        lower, upper = np.maximum(lower, given.lower), np.minimum(upper, given.upper)
    for i in np.flatnonzero(lower >= upper):
        raise LimitsError(
            f"limits.joint_min and joint_max leave {arm.joints[i]} no room within the limits of "
            f"the URDF, {arm.limits.lower[i]:g} to {arm.limits.upper[i]:g} rad"
        )
    return replace(
        config,
        joint_names=arm.joints,
        joint_min=lower.tolist(),
        joint_max=upper.tolist(),
        max_joint_speed=min(config.max_joint_speed, float(arm.limits.speed.min())),
        max_joint_acceleration=min(
            config.max_joint_acceleration, float(arm.limits.acceleration.min())
        ),
        policy=policy,
        start_margin=config.start_margin if config.policy == "clamp" else 0.0,
    )
