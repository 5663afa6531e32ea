"""Settings of what the node perceives."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting


@dataclass
class InputsConfig:
    """Whom the planner believes: cameras, measured pose, joint states, proprio and /clock."""

    pose: str = setting(
        "",
        "Where the measured pose of Cartesian actions comes from: tf (the frame commands.tip in "
        "commands.base, which needs tf2_ros); empty: current_pose, or with commands.kinematics "
        "joint_states.",
        choices=["", "tf"],
    )
    other_publisher: str = setting(
        "stop",
        "If an input has a second publisher: stop (hold and end the goal, refuse goals) or warn.",
        choices=["stop", "warn"],
    )
