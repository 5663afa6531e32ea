"""What must allow the arm to move."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.config.schema import setting


@dataclass
class SafetyConfig:
    """What must allow the arm to move: an operator's button, and sensors of contact.

    All of it is off by default, for simulators; docs/how-to/hardware.md says what a real arm needs.
    """

    enable_timeout: float = setting(
        0.0,
        "The arm moves only while true arrives on the topic enable, and holds when the last one is "
        "older than this [s]; 0: it needs no enabling.",
        low=0.0,
        high=10.0,
    )
    max_force: float = setting(
        0.0,
        "A larger force on the topic wrench ends the goal; nothing is subtracted from what the "
        "sensor says [N]; 0: forces are not watched.",
        low=0.0,
        high=10000.0,
    )
    max_torque: float = setting(
        0.0,
        "A larger torque on the topic wrench ends the goal [N m]; 0: torques are not watched.",
        low=0.0,
        high=10000.0,
    )
    max_effort: float = setting(
        0.0,
        "A larger effort of a joint on joint_states ends the goal [N m]; 0: efforts are not "
        "watched.",
        low=0.0,
        high=10000.0,
    )
    effort_joints: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the joints whose effort is watched; empty: the commanded joints.",
        of=str,
    )
    sensor_timeout: float = setting(
        0.5,
        "The goal ends if wrench or efforts that are watched are missing for this long [s].",
        low=0.05,
        high=10.0,
    )
