"""Settings of the commands to the gripper."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting

GRIPPER_TYPES = (
    "float64_multi_array",
    "joint_state",
    "gripper_command",
    "parallel_gripper_command",
)


@dataclass
class GripperConfig:
    """How the gripper is commanded and measured.

    The width is the gap between the fingers [m]. The receiver takes, and joint_states gives, a
    position: offset + scale * width.
    """

    type: str = setting(
        "",
        "What the gripper takes: float64_multi_array (one number), joint_state (the positions of "
        "gripper.joints), or the actions of control_msgs gripper_command and "
        "parallel_gripper_command. none: it is left alone. Empty: not said, which a model that "
        "moves a gripper does not allow.",
        choices=["", "none", *GRIPPER_TYPES],
    )
    topic: str = setting(
        "gripper_command", "Topic or action of the commands, relative to the node's namespace."
    )
    joints: list[str] = setting(  # noqa: RUF009
        [],
        "Joints of the fingers in joint_states, which tell the width, and names in joint_state and "
        "parallel_gripper_command.",
        of=str,
    )
    scale: float = setting(
        1.0,
        "Position of a joint per width [1, or rad/m]; 0.5 for two fingers that each move half.",
        low=-1000.0,
        high=1000.0,
    )
    offset: float = setting(0.0, "Position of a joint at width 0 [m or rad].", low=-10.0, high=10.0)
    force: float = setting(
        20.0,
        "Largest force that the actions ask for [N]; limits.max_gripper_force bounds it.",
        above=0.0,
        high=1000.0,
    )
    tolerance: float = setting(
        0.002,
        "A goal is sent if the width differs by more from the last goal's [m].",
        above=0.0,
        high=0.1,
    )
    period: float = setting(
        0.2, "Least time between two goals to the gripper [s].", above=0.0, high=10.0
    )
