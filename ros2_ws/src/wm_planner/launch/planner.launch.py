"""Launch the planner: ``ros2 launch wm_planner planner.launch.py model:=/path``."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

ARGUMENTS = {
    "model": (None, "Model directory, with model.yaml and the weights."),
    "config_file": ("planner", "File in config/ with settings, without .yaml: franka or planner."),
    "profile": ("", "Controller: a file in config/profiles/, without .yaml."),
    "overrides": ("['']", "Hydra overrides, e.g. \"['planning.horizon=8']\"."),
    "image": ("image", "Topic of the camera; its compressed images are on <image>/compressed."),
    "current_pose": ("current_pose", "Topic of the measured end-effector pose."),
    "joint_states": ("joint_states", "Topic of the measured joint positions."),
    "command": (
        "",
        "Topic of the commands; empty for that of the profile, or 'command'. With a profile that "
        "names a controller, also set commands.controller in overrides.",
    ),
    "wrench": ("wrench", "Topic of the measured wrench, for the contact stop."),
    "enable": ("enable", "Topic of the operator's enabling button."),
    "namespace": ("", "Namespace of the node."),
    "use_sim_time": ("false", "Use the time of /clock."),
    "autostart": ("true", "Configure and activate the node at once."),
    "log_level": ("info", "Log level: debug, info, warn or error."),
    "enclave": ("", "SROS 2 enclave of the node, as /planner; see docs/security.md."),
}


def generate_launch_description() -> LaunchDescription:
    """Launch one node; ``--show-args`` lists the arguments."""
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
    if command := value("command").perform(context):  # an empty one would hide the profile's
        parameters["commands.topic"] = ParameterValue(command, value_type=str)
    words = ["--ros-args", "--log-level", value("log_level")]
    if enclave := value("enclave").perform(context):
        words += ["--enclave", enclave]
    inputs = ("image", "current_pose", "joint_states", "wrench", "enable")
    topics = [(topic, value(topic)) for topic in inputs]
    return [
        Node(
            package="wm_planner",
            executable="planner_node",
            namespace=value("namespace"),
            output="screen",
            parameters=[parameters],
            remappings=[*topics, ("image/compressed", [value("image"), "/compressed"])],
            arguments=words,
        )
    ]
