"""The planner for a Franka in Isaac Sim: its bridge's camera and clock, a Cartesian controller.

``ros2 launch wm_planner isaac_franka.launch.py model:=/path``. Isaac's ROS bridge publishes ``rgb``
and ``/clock``; crisp_controllers take the target pose and publish the measured one. For a model
whose actions move joints, ``profile:=isaac_sim`` commands the articulation controller directly.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = {
    "model": (None, "Directory with model.yaml and weights.safetensors."),
    "config_file": ("franka", "Settings: a file of config/, without .yaml (franka, planner)."),
    "profile": ("crisp_controllers", "A file of config/profiles/, without .yaml; or isaac_sim."),
    "overrides": ("['']", "Hydra overrides, e.g. \"['planning.horizon=8']\"."),
    "image": ("rgb", "Topic of the camera."),
    "current_pose": ("current_pose", "Topic of the measured end-effector pose."),
    "joint_states": ("joint_states", "Topic of the measured joints."),
    "command": ("", "Topic of the commands; empty: the profile's."),
    "namespace": ("", "Namespace of the node."),
    "use_sim_time": ("true", "Use Isaac's /clock, which runs only while it plays."),
}


def generate_launch_description() -> LaunchDescription:
    """planner.launch.py with Isaac's topics; every argument has a description (``--show-args``)."""
    path = PathJoinSubstitution([FindPackageShare("wm_planner"), "launch", "planner.launch.py"])
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    planner = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path),
        launch_arguments=[(name, LaunchConfiguration(name)) for name in ARGUMENTS],
    )
    return LaunchDescription([*declared, planner])
