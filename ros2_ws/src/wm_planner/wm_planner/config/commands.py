"""Settings of the commands to the robot."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.command_types import COMMAND_TYPES
from wm_planner.config.schema import setting


@dataclass
class CommandsConfig:
    """What is sent to the robot, and how the arm follows a plan."""

    type: str = setting(
        "pose_stamped",
        f"Message of the command: {', '.join(COMMAND_TYPES)}.",
        choices=list(COMMAND_TYPES),
    )
    topic: str = setting("command", "Topic of the commands, relative to the node's namespace.")
    frame: str = setting(
        "", "frame_id of the commands; nothing is transformed; empty: the frame of the action."
    )
    space: str = setting(
        "",
        "What the receiver of the commands takes: cartesian (poses or twists) or joints; empty: "
        "what the type says. float64_multi_array says neither, so it needs this setting.",
        choices=["", "cartesian", "joints"],
    )
    receiver_joints: list[str] = setting(  # noqa: RUF009
        [],
        "The receiver's joints, in its own order; float64_multi_array sends the numbers in this "
        "order. Empty: the joints of the model's actions, in their order.",
        of=str,
    )
    kinematics: str = setting(
        "",
        "The arm's URDF: robot_description, the topic of this name, or a file. With it, Cartesian "
        "actions can move joints, and the measured pose comes from joint_states. Empty: none.",
    )
    base: str = setting(
        "", "Link of the URDF in whose frame the actions are; empty: the frame's name."
    )
    tip: str = setting("", "Link of the URDF whose pose the actions command, e.g. fr3_hand_tcp.")
    posture: list[float] = setting(  # noqa: RUF009
        [],
        "Joints, from base to tip, toward which the arm goes as far as the pose of the tip leaves "
        "freedom, e.g. for its elbow [rad]; empty: those in which a goal starts.",
        low=-13.0,
        high=13.0,
    )
    controller: str = setting(
        "",
        "Node of the arm's controller, relative to the node's namespace; it must read "
        "commands.topic, and its parameters are compared with the commands. Empty: they are not "
        "asked for.",
    )
    receiver_timeout: float = setting(
        0.0,
        "Time after which the receiver itself halts the arm when commands end, e.g. because the "
        "planner was killed [s]; 0: never, or unknown. Velocity commands without it, or with "
        "more than 0.5 s, cause a warning.",
        low=0.0,
        high=10.0,
    )
    interface: str = setting(
        "position",
        "What joint_state and float64_multi_array contain: position or velocity.",
        choices=["position", "velocity"],
    )
    mode: str = setting(
        "",
        "What an action is: relative, absolute or velocity; empty: as model.yaml says.",
        choices=["", "relative", "absolute", "velocity"],
    )
    position: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the action's numbers for x, y, z or for each joint, or hold for one that nothing "
        "moves; empty: as model.yaml says.",
        of=str,
    )
    joints: list[str] = setting(  # noqa: RUF009
        [],
        "Names of the arm's joints, one for each name in commands.position; empty: as model.yaml "
        "says.",
        of=str,
    )
    rate: float = setting(
        50.0, "Commands per second while a goal is pursued [Hz].", low=1.0, high=1000.0
    )
    speed_override: float = setting(
        100.0,
        "Share of the planned speed at which the arm moves [%], also changed during a goal; 0: the "
        "arm holds its position, and the goal goes on.",
        low=0.0,
        high=100.0,
    )
    extra_time: float = setting(
        0.5,
        "How long the arm follows a plan beyond its first model step if no new plan arrives [s].",
        low=0.0,
        high=10.0,
    )
    blend: float = setting(
        0.1,
        "Time over which the velocity changes at corners, between plans and at stops [s]; "
        "0: at once.",
        low=0.0,
        high=1.0,
    )
    lag: float = setting(
        0.0,
        "How long after a command the moving arm is at the commanded position [s]; a plan begins "
        "at the position commanded that long before its image. See docs/reference/commands.md.",
        low=0.0,
        high=1.0,
    )
    feedback: float = setting(
        1.0,
        "Gain of velocity commands on the tracking error [1/s].",
        low=0.0,
        high=100.0,
    )
    trajectory_time: float = setting(
        0.04, "time_from_start of the only point of a joint_trajectory [s].", above=0.0, high=1.0
    )
    shadow: bool = setting(
        False,
        "Shadow mode: plan, but send nothing to the arm; what would be sent is published on "
        "~/shadow_command.",
    )
    shadow_file: str = setting(
        "",
        "File to which shadow mode appends a line of JSON for each plan, 100 MB at most; empty: "
        "none.",
    )
    other_publisher: str = setting(
        "stop",
        "If another publisher uses the commands' topic: stop (hold and end the goal) or warn.",
        choices=["stop", "warn"],
    )
    no_subscriber: str = setting(
        "warn",
        "If no subscriber listens to the commands: warn in the diagnostics, or refuse goals.",
        choices=["warn", "refuse"],
    )
