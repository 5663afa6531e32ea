"""A ``launch_test``: a launch file of the planner together with the simulator.

launch_test launched.py file:=planner command:=target_pose overrides:=planning.horizon=5
"""

from __future__ import annotations

import unittest
from typing import Any

import launch_testing
import rclpy
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare
from rclpy.executors import SingleThreadedExecutor

from wm_planner_sim.client.client import Client
from wm_planner_sim.simulator import seeds

SEED = seeds.EVALUATION[0]


def generate_test_description() -> LaunchDescription:
    """Return the simulator and a launch file, with arguments that it takes or ignores."""
    planner = FindPackageShare("wm_planner")
    model = PathJoinSubstitution([FindPackageShare("wm_planner_sim"), "models", "franka_reach"])
    arguments = {
        "model": model,
        "config_file": "franka",
        "overrides": LaunchConfiguration("overrides"),
        "image": "rgb",
        "command": LaunchConfiguration("command"),
        "use_sim_time": "true",
    }
    path = [planner, "/launch/", LaunchConfiguration("file"), ".launch.py"]
    return LaunchDescription(
        [
            DeclareLaunchArgument("file", description="Launch file: planner or isaac_franka."),
            DeclareLaunchArgument("command", description="Topic of the commands."),
            DeclareLaunchArgument("overrides", description="Settings of the planner."),
            Node(package="wm_planner_sim", executable="sim_node"),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(path), launch_arguments=arguments.items()
            ),
            launch_testing.actions.ReadyToTest(),
        ]
    )


class TestWhileItRuns(unittest.TestCase):
    """The launched planner needs no further setup."""

    def test_a_goal_is_reached(self) -> None:
        rclpy.init()
        client, executor = Client(), SingleThreadedExecutor()
        executor.add_node(client)
        try:
            client.wait_active()
            client.reset(SEED)
            goal, position = client.sample_goal(SEED)
            episode = client.reach(SEED, goal, position, timeout=30.0)
        finally:
            client.destroy_node()
            rclpy.shutdown()
        assert episode.error_code == 0, episode.message
        assert episode.final_distance < 0.04  # [m], as in support/reached.py


@launch_testing.post_shutdown_test()
class TestAfterIt(unittest.TestCase):
    """Launch ends all processes with SIGINT."""

    def test_every_process_ends_with_zero(self, proc_info: Any) -> None:
        launch_testing.asserts.assertExitCodes(proc_info)
