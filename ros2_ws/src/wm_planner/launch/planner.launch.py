"""Launch the planner: ``ros2 launch wm_planner planner.launch.py model:=/path``."""

import re
from pathlib import Path

import yaml
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnShutdown
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration, TextSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "model": (None, "Model directory, with model.yaml and the weights."),
    "config_file": ("planner", "File in config/ with settings, without .yaml: franka or planner."),
    "profile": ("", "Controller: a file in config/profiles/, without .yaml."),
    "params_file": (
        "",
        "Your own YAML file of ROS parameters; its values replace those of config_file.",
    ),
    "overrides": ("", "Hydra overrides: planning.horizon=8, or \"['…', '…']\" for several."),
    "image": ("image", "Topic of the camera; its compressed images are on <image>/compressed."),
    "current_pose": ("current_pose", "Topic of the measured end-effector pose."),
    "joint_states": ("joint_states", "Topic of the measured joint positions."),
    "robot_description": ("robot_description", "Topic of the URDF, for commands.kinematics."),
    "command": (
        "",
        "Topic of the commands; empty for that of the profile, or 'command'. With a profile that "
        "names a controller, also set commands.controller in overrides.",
    ),
    "pose": ("", "Where the measured pose comes from: tf (the frame tip in base), or empty."),
    "kinematics": (
        "",
        "The arm's URDF: robot_description, or a file; for receivers of joints, and where nobody "
        "publishes current_pose.",
    ),
    "base": ("", "Link of the URDF in whose frame the actions are; empty: the frame's name."),
    "tip": ("", "Link of the URDF whose pose the actions command."),
    "wrench": ("wrench", "Topic of the measured wrench, for the contact stop."),
    "enable": ("enable", "Topic of the operator's enabling button."),
    "namespace": ("", "Namespace of the node."),
    "use_sim_time": ("false", "Use the time of /clock."),
    "autostart": ("true", "Configure and activate the node at once."),
    "cockpit": ("false", "Also start the cockpit, a page at http://127.0.0.1:8050 (make cockpit)."),
    "log_level": ("info", "Log level: debug, info, warn or error."),
    "enclave": ("", "SROS 2 enclave of the node, as /planner; see docs/how-to/security.md."),
}
CHOICES = {
    "pose": ["", "tf"],
    "use_sim_time": ["true", "false", "True", "False"],
    "autostart": ["true", "false", "True", "False"],
    "cockpit": ["true", "false", "True", "False"],
}
SETTINGS = {
    "profile": "profile",
    "command": "commands.topic",
    "pose": "inputs.pose",
    "kinematics": "commands.kinematics",
    "base": "commands.base",
    "tip": "commands.tip",
}
INPUTS = ("image", "current_pose", "joint_states", "robot_description", "wrench", "enable")
COCKPIT_INPUTS = ("enable", "joint_states", "robot_description")
LOG_LEVEL = re.compile(r"([^:\s]+:=)?(debug|info|warn|error|fatal)", re.IGNORECASE)
TOPIC = re.compile(r"[~/A-Za-z_][A-Za-z0-9_/~{}]*")


def generate_launch_description() -> LaunchDescription:
    """Launch one node; ``--show-args`` lists the arguments."""
    declared = [
        DeclareLaunchArgument(
            name, default_value=default, description=text, choices=CHOICES.get(name)
        )
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_planner)])


def _planner(context: LaunchContext) -> list[Action]:
    value = LaunchConfiguration
    for name in (*INPUTS, "command"):
        if (topic := value(name).perform(context)) and not TOPIC.fullmatch(topic):
            raise ValueError(f"{name}:={topic!r} is no name of a topic")
    own = value("params_file").perform(context)
    if own and not Path(own).is_file():
        raise ValueError(
            f"params_file:={own!r} is no file: give the path of a YAML file; ~ is not expanded"
        )
    level = value("log_level").perform(context)
    if not LOG_LEVEL.fullmatch(level):
        raise ValueError(f"log_level:={level!r} is none of debug, info, warn, error, fatal")
    parameters = {
        "model.directory": ParameterValue(value("model"), value_type=str),
        "config_file": ParameterValue(value("config_file"), value_type=str),
        "use_sim_time": ParameterValue(value("use_sim_time"), value_type=bool),
        "autostart": ParameterValue(value("autostart"), value_type=bool),
    }
    # An empty argument must not hide the value of a file.
    for argument, setting in SETTINGS.items():
        if text := value(argument).perform(context):
            parameters[setting] = ParameterValue(text, value_type=str)
    if any(overrides := _overrides(value("overrides").perform(context))):
        text = yaml.safe_dump(overrides)
        parameters["overrides"] = ParameterValue(TextSubstitution(text=text), value_type=list[str])
    words = ["--ros-args", "--log-level", value("log_level")]
    if enclave := value("enclave").perform(context):
        words += ["--enclave", enclave]
    topics = [(topic, value(topic)) for topic in INPUTS]
    ending = _Ending()
    cockpit = Node(
        package="wm_planner",
        executable="cockpit",
        namespace=value("namespace"),
        output="screen",
        parameters=[{"use_sim_time": parameters["use_sim_time"]}],
        remappings=[(topic, value(topic)) for topic in COCKPIT_INPUTS],
        arguments=words,
    )
    shown = value("cockpit").perform(context).lower() == "true"
    return [
        *([cockpit] if shown else []),
        Node(
            package="wm_planner",
            executable="planner_node",
            namespace=value("namespace"),
            output="screen",
            parameters=[*([own] if own else []), parameters],
            remappings=[*topics, ("image/compressed", [value("image"), "/compressed"])],
            arguments=words,
            on_exit=ending.on_exit,
        ),
        RegisterEventHandler(OnShutdown(on_shutdown=ending.on_shutdown)),
    ]


def _overrides(text: str) -> list[str]:
    """Return one override, or those of a YAML list.

    Raises:
        ValueError: It is neither.
    """
    if not text.lstrip().startswith("["):
        return [text]
    try:
        return [str(override) for override in yaml.safe_load(text)] or [""]
    except yaml.YAMLError as error:
        raise ValueError(
            f"overrides:={text!r} is no list such as \"['planning.horizon=8']\""
        ) from error


class _Ending:
    """Lets the launch end with exit code 1 if the planner failed; other processes go on meanwhile.

    They may be the arm's drivers, which must not end with the planner.
    """

    def __init__(self) -> None:
        self._failure = ""

    def on_exit(self, event: ProcessExited, context: LaunchContext) -> None:
        """Note a planner that did not end by itself or by a signal of ours."""
        if event.returncode and not context.is_shutdown:
            self._failure = f"{event.process_name} ended with exit code {event.returncode}"

    def on_shutdown(self, event: Shutdown, context: LaunchContext) -> None:
        """Tell it at the end.

        Raises:
            RuntimeError: The planner failed.
        """
        if self._failure:
            raise RuntimeError(self._failure)
