"""Settings of goals: when a goal session holds and ends, and where goals are stored."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting
from wm_planner.message_limits import MAX_TIMEOUT


@dataclass
class SessionConfig:
    """When a goal session holds, and when it ends."""

    tolerance: float = setting(
        0.0,
        "A goal is reached below this fraction of the model's typical distance; 0: the model's "
        "own.",
        low=0.0,
        high=1.0,
    )
    tolerance_images: int = setting(
        2, "Consecutive images below the tolerance that make a goal reached.", low=1, high=1000
    )
    timeout: float = setting(
        30.0,
        "Time after which a goal without its own timeout ends [s].",
        above=0.0,
        high=MAX_TIMEOUT,
    )
    overdue_after: float = setting(
        0.08,
        "Slow down to rest, and then hold, while the next image, measured pose or plan is late: "
        "later than this and later than 2.5 times the usual interval [s]; set it to the timeouts "
        "to disable.",
        low=0.0,
        high=60.0,
    )
    image_timeout: float = setting(
        1.0, "Hold and end the goal after this long without a good image [s].", above=0.0, high=60.0
    )
    pose_timeout: float = setting(
        1.0,
        "Hold and end the goal after this long without a measured pose; a pose that arrives older "
        "than this does not count [s].",
        above=0.0,
        high=60.0,
    )
    progress_time: float = setting(
        10.0,
        "A goal has stalled if its distance has not decreased for this long [s]; 0: never.",
        low=0.0,
        high=MAX_TIMEOUT,
    )
    progress_fraction: float = setting(
        0.02,
        "Smallest decrease that counts, as a fraction of the model's typical distance.",
        low=0.0,
        high=1.0,
    )
    motion_check: bool = setting(
        True,
        "Do not believe images whose distance falls although neither the arm was measured to move "
        "nor the gripper commanded to; false if the images may show motion of something else.",
    )


@dataclass
class GoalsConfig:
    """Stored goals."""

    directory: str = setting(
        "", "Directory of stored goals, <name>.png or <name>.jpg; ~/save_goal writes there."
    )
