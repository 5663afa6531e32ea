"""Types that the packages share; only NumPy is needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""An RGB image, uint8 (height, width, 3)."""

Vector = NDArray[np.float64]
"""A vector, float64 (n,)."""


@dataclass(frozen=True)
class Observation:
    """What the cameras and the robot show at one moment, or should show at a goal.

    Attributes:
        images: One RGB image, uint8 (height, width, 3), for each view of the model, in the order
            of the spec's ``views``.
        proprio: Robot state (P,) in the spec's order and units; None if the model takes none.
        stamp: Stamp of the first image [s, ROS time]; NaN if the observation has none.
    """

    images: tuple[RgbImage, ...]
    proprio: Vector | None = None
    stamp: float = math.nan


@dataclass(frozen=True)
class Past:
    """What was seen before an observation, one model step apart, and what the arm did since.

    Attributes:
        observations: Oldest first; empty if nothing is known of the past.
        actions: Physical actions as they were executed, (len(observations), frameskip *
            action_dim): each row led from one observation to the next, the last row to the newest
            observation, which is not among them.
    """

    observations: tuple[Observation, ...] = ()
    actions: Vector = field(default_factory=lambda: np.zeros((0, 0)))


@dataclass(frozen=True)
class Goal:
    """A goal or sub-goal.

    Attributes:
        observation: What the cameras and the robot should show.
        tolerance: Distance at which it is reached, in typical distances; 0 for the default.
        weights: How much each image token counts, by the goal's masks, float32 (views, rows,
            columns) in [0, 1]; the proprio then does not count, and may be None. None: all of the
            images counts, and the proprio.
    """

    observation: Observation
    tolerance: float = 0.0
    weights: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Pose:
    """The measured state of the arm, in the space of the commands.

    Attributes:
        position: (3,) in the frame of the actions [m], or one number per commanded joint [rad].
        orientation: Quaternion (x, y, z, w); meaningless for joints.
        steady: When it arrived [s, steady clock].
        stamp: When it was measured [s, ROS time]; NaN if unknown.
        joints: The joints (J,) [rad] from which the pose was computed; None if it was not.
    """

    position: Vector
    orientation: Vector
    steady: float
    stamp: float = math.nan
    joints: Vector | None = None


@dataclass(frozen=True)
class Grip:
    """What the gripper is commanded to.

    Attributes:
        width: Gap between the fingers now, which changes no faster than the limit, but for the
            first command to a gripper whose width was not measured [m].
        target: Gap where it ends [m].
    """

    width: float
    target: float


@dataclass(frozen=True)
class Command:
    """One command to the arm.

    Attributes:
        position: (3,) [m], or one number per joint [rad].
        velocity: (3,) [m/s], or one number per joint [rad/s]; zero if ``stop``.
        orientation: Quaternion (x, y, z, w).
        stop: Whether it is the last of a stop: the arm stays here until the next command.
        angular_velocity: (3,) about the axes of the base frame [rad/s]; zero for joints.
        grip: The gripper; None: it stays as it is.
    """

    position: Vector
    velocity: Vector
    orientation: Vector
    stop: bool = False
    angular_velocity: Vector = field(default_factory=lambda: np.zeros(3))
    grip: Grip | None = None
