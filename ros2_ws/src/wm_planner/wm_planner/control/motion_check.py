"""Check that the images show what the arm's measured motion explains."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right

import numpy as np

from wm_planner.config import SessionConfig
from wm_planner.control.space import CommandSpace
from wm_planner.models.spec import Calibration
from wm_planner.types import Pose, Vector

KEPT = 1024  # poses kept at least
SPACING = 0.01  # [s] of ROS time between poses kept
STEP = 0.05  # [s] between the delays below; the delays of two images differ by no more
DELAYS = STEP * np.arange(-1, 5)  # [s] that the stamp of an image may lag behind what it shows
SAME_TIME = 0.1  # [s] by which a pose may be older than the image that it belongs to
LONGEST_GAP = 0.2  # [s] between two poses, between which the arm is taken to go straight
NEAREST = 1.0  # [s] age of a pose at most

MARGIN = 0.3  # typical distances by which the distance may fall without motion
RESTING = {False: 0.002, True: 0.005}  # [m], [rad of joints] an arm that moves less rests
MOST = 200  # earlier images kept; beyond it every other one is forgotten
LASTING, IMAGES = 1.0, 3  # [s] and images in a row after which a contradiction lasts


class PoseHistory:
    """Remembers measured poses by their stamps."""

    def __init__(self) -> None:
        self._stamps: list[float] = []
        self._poses: list[Pose] = []

    def add(self, pose: Pose) -> None:
        """Remember a pose with a stamp; forget all if time went back."""
        last = self._stamps[-1] if self._stamps else -math.inf
        if math.isnan(pose.stamp) or 0 <= pose.stamp - last < SPACING:
            return
        if pose.stamp < last:
            self._stamps, self._poses = [], []
        elif len(self._stamps) == 2 * KEPT:
            del self._stamps[:KEPT], self._poses[:KEPT]
        self._stamps.append(pose.stamp)
        self._poses.append(pose)

    def path(self, start: float, end: float) -> tuple[Vector, Vector]:
        """Return the stamps (k,) between two ROS times [s], and the measured positions (k, n)."""
        of = slice(bisect_left(self._stamps, start), bisect_right(self._stamps, end))
        return np.array(self._stamps[of]), np.array([pose.position for pose in self._poses[of]])

    @property
    def began(self) -> float:
        """Stamp of the oldest pose that is remembered [s]; infinity if there is none."""
        return self._stamps[0] if self._stamps else math.inf

    def along(self, space: CommandSpace, stamps: Vector) -> Vector | None:
        """Return the measured points (k, n) of a space at ROS times in order (k,) [s].

        Between two poses the arm goes straight, and after the newest one as before it. None if the
        poses begin after the first time, or if ``LONGEST_GAP`` passed without one.
        """
        of = slice(
            max(bisect_right(self._stamps, stamps[0]) - 1, 0),
            bisect_right(self._stamps, stamps[-1]),
        )
        times = np.array(self._stamps[of])
        if not len(times) or times[0] > stamps[0]:
            return None
        if np.diff([*times, max(stamps[-1], times[-1])]).max() > LONGEST_GAP:
            return None
        points = np.array([space.point(pose) for pose in self._poses[of]])
        if len(times) > 1 and stamps[-1] > times[-1]:  # the pose of its moment is under way
            share = (stamps[-1] - times[-1]) / (times[-1] - times[-2])
            ahead = space.moved(points[-1], share * space.between(points[-2], points[-1]))
            times, points = np.append(times, stamps[-1]), np.vstack([points, ahead])
        return space.along(times, points, stamps)

    def around(self, stamp: float) -> Vector | None:
        """Return where the arm was when an image with this stamp [s] was taken.

        Returns:
            The position for each of ``DELAYS``, (len(DELAYS), n) [m or rad]; None if unknown.
        """
        poses = [self._before(stamp - delay) for delay in DELAYS]
        if (latest := poses[0]) is None or latest.stamp < stamp - NEAREST:
            return None
        return np.array([(pose or self._poses[0]).position for pose in poses])

    def during(self, stamp: float) -> Pose | None:
        """Return the pose that was measured at a stamp [s], within ``SAME_TIME``, or None."""
        pose = self._before(stamp)
        return pose if pose and stamp - pose.stamp <= SAME_TIME else None

    def _before(self, stamp: float) -> Pose | None:
        """Return the last pose that was measured up to a stamp [s], or None."""
        i = bisect_right(self._stamps, stamp) - 1
        return self._poses[i] if i >= 0 else None


class MotionCheck:
    """Finds images whose distance to the goal falls although the arm was not measured to move.

    Between two images, the distance changes by no more than the latents do, and these by no more
    than the scene. As far as the arm's motion m is what changes the scene, the distance falls by at
    most ``per_motion`` * m, and ``MARGIN`` for noise and light. Every image is compared with all
    earlier ones of the goal, so that many small falls are noticed too.

    Args:
        per_motion: Largest change of the distance per motion of the arm, in typical distances per m
            or rad; None if unknown: only images of an arm that rests are compared.
        joints: Whether positions are those of joints.

    Attributes:
        lasting: Whether the contradiction has lasted for ``LASTING`` and ``IMAGES``.
    """

    def __init__(self, per_motion: float | None, *, joints: bool = False) -> None:
        self._joints = joints
        self._per_motion, self._rest = per_motion, RESTING[joints]
        self.restart()

    @classmethod
    def of(
        cls, config: SessionConfig, calibration: Calibration, joints: bool
    ) -> MotionCheck | None:
        """Return the check for a model's calibration; None if it is disabled."""
        return cls(calibration.distance_per_motion, joints=joints) if config.motion_check else None

    def restart(self) -> None:
        """Forget the images: another goal begins, or something else explains what has changed."""
        self._seen: list[tuple[float, Vector]] = []
        self._since, self._images = math.nan, 0
        self.lasting = False

    def contradiction(self, distance: float, where: Vector | None, stamp: float) -> str:
        """Take an image; return why it cannot show what the camera sees, or an empty string.

        Args:
            distance: Of the image to the goal, in typical distances.
            where: Where the arm was, see ``PoseHistory.around``; None: no contradiction.
            stamp: Stamp of the image [s].
        """
        if where is None or not math.isfinite(distance):
            return ""
        why, rise = self._compare(distance, where)
        if not why:
            self._since, self._images, self.lasting = math.nan, 0, False
            if not rise:  # what covers the view for a while must not count as seen
                self._remember(distance, where)
            return ""
        if not self._images:
            self._since = stamp
        self._images += 1
        self.lasting = self._images >= IMAGES and stamp - self._since >= LASTING
        return why

    def _compare(self, distance: float, where: Vector) -> tuple[str, bool]:
        """Return why the distance fell too far, and whether it rose too far."""
        if not self._seen:
            return "", False
        earlier = np.array([seen for seen, _ in self._seen])
        before = np.array([place for _, place in self._seen])
        # The delay of the camera is unknown, but nearly the same for both images.
        pairs = ((before, where), (before[:, 1:], where[:-1]), (before[:, :-1], where[1:]))
        moved = np.max([self._sizes(one - two).max(axis=1) for one, two in pairs], axis=0)
        if self._per_motion is None:
            explained = np.where(moved <= self._rest, 0.0, np.inf)
        else:
            explained = self._per_motion * moved
        falls = earlier - distance - explained
        worst = int(np.argmax(falls))
        if falls[worst] <= MARGIN:
            return "", bool((distance - earlier - explained).max() > MARGIN)
        unit = "rad" if self._joints else "m"
        return (
            f"the images cannot be true: the distance to the goal is {distance:.3f} and was "
            f"{earlier[worst]:.3f}, but the arm has moved by {moved[worst]:.3f} {unit} at most: "
            "does another node publish the images, or has something else moved "
            "(session.motion_check)?"
        ), False

    def _sizes(self, vectors: Vector) -> Vector:
        sizes = np.abs(vectors).max(axis=-1) if self._joints else np.linalg.norm(vectors, axis=-1)
        return np.asarray(sizes)

    def _remember(self, distance: float, where: Vector) -> None:
        self._seen.append((distance, where))
        if len(self._seen) > MOST:
            self._seen = self._seen[::2]
