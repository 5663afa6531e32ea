"""Limits of the commands."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting


@dataclass
class LimitsConfig:
    """The last check before a command is published.

    The workspace has no default, because no guess would be safe.
    """

    locked: bool = setting(
        True,
        "Keep limits, watchdogs, commands, gripper, inputs, camera contract, safety and worker as "
        "they are until the node is started again; false: limits and session can change between "
        "goals.",
    )
    start_margin: float = setting(
        0.0,
        "How far outside of the box or the cone of orientations a goal may start; the arm is then "
        "brought inside [m or rad].",
        low=0.0,
        high=0.05,
    )
    workspace_min: list[float] = setting(  # noqa: RUF009 (a new list each time)
        [],
        "Lowest x, y, z of a command [m, frame of the action].",
        sizes=[0, 3],
        low=-10.0,
        high=10.0,
    )
    workspace_max: list[float] = setting(  # noqa: RUF009
        [],
        "Highest x, y, z of a command [m, frame of the action].",
        sizes=[0, 3],
        low=-10.0,
        high=10.0,
    )
    max_speed: float = setting(
        0.5, "Largest speed of the commanded position [m/s].", above=0.0, high=5.0
    )
    max_acceleration: float = setting(
        10.0, "Largest change of the commanded velocity [m/s^2].", above=0.0, high=100.0
    )
    max_lead: float = setting(
        0.1, "Largest distance of the command from the measured position [m].", above=0.0, high=1.0
    )
    joint_names: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the joints that joint_min and joint_max belong to; * stands for any text, e.g. "
        "*_joint1. Every commanded joint must match exactly one.",
        of=str,
    )
    joint_min: list[float] = setting(  # noqa: RUF009
        [], "Lowest position of each joint of joint_names [rad].", low=-13.0, high=13.0
    )
    joint_max: list[float] = setting(  # noqa: RUF009
        [], "Highest position of each joint of joint_names [rad].", low=-13.0, high=13.0
    )
    max_joint_speed: float = setting(
        1.0, "Largest speed of any joint [rad/s].", above=0.0, high=20.0
    )
    max_joint_acceleration: float = setting(
        20.0, "Largest change of any joint's commanded velocity [rad/s^2].", above=0.0, high=500.0
    )
    max_joint_lead: float = setting(
        0.2,
        "Largest distance of any joint's command from its measured position [rad].",
        above=0.0,
        high=3.2,
    )
    min_link_distance: float = setting(
        0.01,
        "Least distance between links of the arm that are no neighbors, by the collision shapes "
        "in the URDF of commands.kinematics [m]; 0: self-collision is not checked.",
        low=0.0,
        high=0.2,
    )
    orientation: list[float] = setting(  # noqa: RUF009
        [],
        "Orientation of the hand around which it may turn, a quaternion x, y, z, w [frame of the "
        "action]; empty: any, which only actions that do not turn the hand allow.",
        sizes=[0, 4],
        low=-1.0,
        high=1.0,
    )
    max_tilt: float = setting(
        0.5,
        "Largest angle between the z-axis of the hand and that of limits.orientation [rad].",
        low=0.0,
        high=2.5,
    )
    max_twist: float = setting(
        1.5708,
        "Largest turn of the hand about its z-axis from limits.orientation [rad]; 3.1416: any.",
        low=0.0,
        high=3.1416,
    )
    max_angular_speed: float = setting(
        1.0, "Largest angular speed of the commanded orientation [rad/s].", above=0.0, high=10.0
    )
    max_angular_acceleration: float = setting(
        10.0, "Largest change of the angular velocity [rad/s^2].", above=0.0, high=200.0
    )
    max_angular_lead: float = setting(
        0.25,
        "Largest angle between the commanded and the measured orientation [rad]; 0: any, the "
        "measured orientation is then not used.",
        low=0.0,
        high=1.5,
    )
    gripper_min: float = setting(
        0.0, "Smallest width of the gripper that is commanded [m].", low=0.0, high=1.0
    )
    gripper_max: float = setting(
        0.0,
        "Largest width of the gripper that is commanded [m]; 0: not set, which only models that do "
        "not move a gripper allow.",
        low=0.0,
        high=1.0,
    )
    max_gripper_speed: float = setting(
        0.1,
        "Largest speed of the commanded width [m/s]; the action gripper_command cannot carry it.",
        above=0.0,
        high=1.0,
    )
    max_gripper_force: float = setting(
        40.0, "Largest force that the gripper is asked for [N].", above=0.0, high=1000.0
    )
    policy: str = setting(
        "clamp",
        "clamp: bring a command back to the limits; refuse: hold and end the goal.",
        choices=["clamp", "refuse"],
    )
