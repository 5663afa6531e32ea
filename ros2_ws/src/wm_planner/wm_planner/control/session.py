"""One goal from acceptance to its outcome: the rules that end it, without ROS."""

from __future__ import annotations

from dataclasses import dataclass, field

from wm_planner.config import SessionConfig
from wm_planner.control.outcome import Code, Outcome


@dataclass
class Session:
    """A goal under way.

    Times named ``now`` are ROS time, those named ``steady`` the steady clock, both in seconds:
    a goal's timeout is the robot's time, a watchdog must also fire when ROS time stands still.

    Attributes:
        config: Watchdog times and tolerance.
        tolerance: Distance below which a frame counts as reached, in typical distances.
        timeout: Time allowed for the goal [s].
        started: When the goal began (ROS time).
        started_steady: The same moment on the steady clock.
    """

    config: SessionConfig
    tolerance: float
    timeout: float
    started: float
    started_steady: float
    steps: int = 0
    initial_distance: float = float("nan")
    distance: float = float("nan")
    outcome: Outcome | None = None
    _frames_reached: int = field(default=0, repr=False)

    def end(self, outcome: Outcome) -> Outcome:
        """End the goal; the first outcome stands."""
        if self.outcome is None:
            self.outcome = outcome
        return self.outcome

    def observe(self, distance: float) -> Outcome | None:
        """Count a planned step and compare it with the goal.

        Args:
            distance: Distance of the picture to the goal, in typical distances.
        """
        self.steps += 1
        self.distance = distance
        if self.steps == 1:
            self.initial_distance = distance
        self._frames_reached = self._frames_reached + 1 if distance < self.tolerance else 0
        if self._frames_reached >= self.config.tolerance_frames:
            return self.end(
                Outcome(
                    Code.NONE,
                    f"reached: distance {distance:.3f} stayed below {self.tolerance:.3f} for "
                    f"{self._frames_reached} pictures",
                )
            )
        return self.outcome

    def tick(
        self, *, now: float, steady: float, image_steady: float, pose_steady: float
    ) -> Outcome | None:
        """Check the clocks.

        Args:
            now: Current ROS time [s].
            steady: Current steady time [s].
            image_steady: When the newest good image came (steady) [s].
            pose_steady: When the newest measured pose came (steady) [s].
        """
        elapsed = now - self.started
        if elapsed > self.timeout:
            return self.end(
                Outcome(
                    Code.TIMED_OUT,
                    f"timed out: {elapsed:.1f} s passed, {self.timeout:.1f} s were allowed; the "
                    f"distance is {self.distance:.3f}, the tolerance {self.tolerance:.3f}",
                )
            )
        # The watch begins with the goal, so that a camera may start together with it.
        image_age = steady - max(image_steady, self.started_steady)
        if image_age > self.config.image_timeout:
            return self.end(
                Outcome(
                    Code.NO_IMAGE,
                    f"no good image for {image_age:.2f} s (session.image_timeout is "
                    f"{self.config.image_timeout:.2f} s): is the camera running, and is its topic "
                    "the one the node subscribes to?",
                )
            )
        pose_age = steady - max(pose_steady, self.started_steady)
        if pose_age > self.config.pose_timeout:
            return self.end(
                Outcome(
                    Code.NO_POSE,
                    f"no measured pose for {pose_age:.2f} s (session.pose_timeout is "
                    f"{self.config.pose_timeout:.2f} s): does the controller publish current_pose?",
                )
            )
        return self.outcome
