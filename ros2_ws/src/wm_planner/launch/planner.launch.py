"""The planner alone: ``ros2 launch wm_planner planner.launch.py model:=/path``."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "model": (None, "Directory with model.yaml and weights.safetensors."),
    "config_file": ("planner", "Settings: a file of config/, without .yaml (franka, planner)."),
    "profile": ("", "Commands for a controller: a file of config/profiles/, without .yaml."),
    "overrides": ("['']", "Hydra overrides, e.g. \"['planning.horizon=8']\"."),
    "image": ("image", "Topic of the camera; compressed images come on <image>/compressed."),
    "current_pose": ("current_pose", "Topic of the measured end-effector pose."),
    "joint_states": ("joint_states", "Topic of the measured joints."),
    "command": ("", "Topic of the commands; empty: the profile's, or 'command'."),
    "namespace": ("", "Namespace of the node."),
    "use_sim_time": ("false", "Use /clock."),
    "autostart": ("true", "Configure and activate at once."),
    "log_level": ("info", "debug, info, warn, error."),
}


def generate_launch_description() -> LaunchDescription:
    """One node; every argument has a description (``--show-args``)."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_planner)])


def _planner(context: LaunchContext) -> list[Node]:
    value = LaunchConfiguration
    parameters = {
        "model.directory": ParameterValue(value("model"), value_type=str),
        "config_file": ParameterValue(value("config_file"), value_type=str),
        "profile": ParameterValue(value("profile"), value_type=str),
        "overrides": ParameterValue(value("overrides"), value_type=list[str]),
        "use_sim_time": ParameterValue(value("use_sim_time"), value_type=bool),
        "autostart": ParameterValue(value("autostart"), value_type=bool),
    }
    if command := value("command").perform(context):  # else it would hide the profile's
        parameters["commands.topic"] = ParameterValue(command, value_type=str)
    topics = [(topic, value(topic)) for topic in ("image", "current_pose", "joint_states")]
    return [
        Node(
            package="wm_planner",
            executable="planner_node",
            namespace=value("namespace"),
            output="screen",
            parameters=[parameters],
            remappings=[*topics, ("image/compressed", [value("image"), "/compressed"])],
            arguments=["--ros-args", "--log-level", value("log_level")],
        )
    ]
