"""Launch the planner for the Franka of Isaac Sim.

``ros2 launch wm_planner isaac_franka.launch.py model:=/path``. Isaac Sim's ROS bridge publishes
``rgb``, ``joint_states`` and ``/clock``, and its articulation controller takes ``joint_command``.
It needs ``make kinematics``.
For another controller, e.g. ``profile:=crisp_controllers``, also give ``kinematics:='' base:=''
tip:=''`` if it publishes ``current_pose``.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.substitutions import FindPackageShare

SHARE = FindPackageShare("wm_planner")
URDF = PathJoinSubstitution([SHARE, "config", "robots", "panda.urdf"])
ARGUMENTS = {
    "model": (None, "Model directory, with model.yaml and the weights."),
    "config_file": ("franka", "File in config/ with settings, without .yaml: franka or planner."),
    "profile": ("isaac_sim", "Controller: a file in config/profiles/, without .yaml."),
    "params_file": (
        "",
        "Your own YAML file of ROS parameters; its values replace those of config_file.",
    ),
    "overrides": ("", "Hydra overrides: planning.horizon=8, or \"['…', '…']\" for several."),
    "image": ("rgb", "Topic of the camera."),
    "current_pose": ("current_pose", "Topic of the measured end-effector pose."),
    "joint_states": ("joint_states", "Topic of the measured joint positions."),
    "command": ("", "Topic of the commands; empty for that of the profile."),
    "kinematics": (URDF, "The arm's URDF: robot_description, a file, or empty for none."),
    "base": ("panda_link0", "Link of the URDF that is the frame of the actions."),
    "tip": ("panda_hand_tcp", "Link of the URDF whose pose the actions command."),
    "cockpit": ("false", "Also start the cockpit, a page at http://127.0.0.1:8050 (make cockpit)."),
    "namespace": ("", "Namespace of the node."),
    "use_sim_time": ("true", "Use Isaac Sim's /clock, which runs only while it plays."),
}


def generate_launch_description() -> LaunchDescription:
    """Include planner.launch.py with Isaac Sim's topics; ``--show-args`` lists the arguments."""
    path = PathJoinSubstitution([SHARE, "launch", "planner.launch.py"])
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    planner = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(path),
        launch_arguments=[(name, LaunchConfiguration(name)) for name in ARGUMENTS],
    )
    return LaunchDescription([*declared, planner])
