"""Limits of the commands."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting


@dataclass
class LimitsConfig:
    """The last check before a command is published.

    The workspace has no default, because no guess would be safe.
    """

    workspace_min: list[float] = setting(  # noqa: RUF009 (a new list each time)
        [], "Lowest x, y, z of a command [m, frame of the action].", sizes=[0, 3]
    )
    workspace_max: list[float] = setting(  # noqa: RUF009
        [], "Highest x, y, z of a command [m, frame of the action].", sizes=[0, 3]
    )
    max_speed: float = setting(0.5, "Largest speed of the commanded position [m/s].", above=0.0)
    max_acceleration: float = setting(
        10.0, "Largest change of the commanded velocity [m/s^2].", above=0.0
    )
    max_lead: float = setting(
        0.1, "Largest distance of the command from the measured position [m].", above=0.0
    )
    joint_names: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the joints that joint_min and joint_max belong to; * stands for any text, e.g. "
        "*_joint1. Every commanded joint must match exactly one.",
        of=str,
    )
    joint_min: list[float] = setting(  # noqa: RUF009
        [], "Lowest position of each joint of joint_names [rad]."
    )
    joint_max: list[float] = setting(  # noqa: RUF009
        [], "Highest position of each joint of joint_names [rad]."
    )
    max_joint_speed: float = setting(1.0, "Largest speed of any joint [rad/s].", above=0.0)
    max_joint_acceleration: float = setting(
        20.0, "Largest change of any joint's commanded velocity [rad/s^2].", above=0.0
    )
    max_joint_lead: float = setting(
        0.2, "Largest distance of any joint's command from its measured position [rad].", above=0.0
    )
    max_turn: float = setting(
        0.5,
        "Largest angle between the commanded and the measured orientation [rad]; 0: any.",
        low=0.0,
        high=3.2,
    )
    policy: str = setting(
        "clamp",
        "clamp: bring a command back to the limits; refuse: hold and end the goal.",
        choices=["clamp", "refuse"],
    )
