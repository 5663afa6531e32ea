"""Launch the demo: simulator, planner and a client; the end of the client ends all three."""

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterFile
from launch_ros.substitutions import FindPackageShare

from wm_planner_sim.client.processes import cockpit_parameters
from wm_planner_sim.simulator.tasks import TASKS


def generate_launch_description() -> LaunchDescription:
    """Start three processes, and the cockpit if asked; ``--show-args`` lists the arguments."""
    share = FindPackageShare("wm_planner_sim")
    task = LaunchConfiguration("task")
    simulator = Node(
        package="wm_planner_sim",
        executable="sim_node",
        output="screen",
        parameters=[{"task": task}],
    )
    planner = Node(
        package="wm_planner",
        executable="planner_node",
        output="screen",
        parameters=[
            ParameterFile([share, "/config/", task, ".yaml"]),
            {"model.directory": LaunchConfiguration("model")},
        ],
        remappings=[("image", "rgb"), ("command", "target_pose")],
    )
    client = Node(
        package="wm_planner_sim",
        executable="demo",
        output="screen",
        arguments=[
            "--attach", "--headless",
            "--task", task,
            "--goals", LaunchConfiguration("goals"),
            "--output", LaunchConfiguration("output"),
        ],
    )  # fmt: skip
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cockpit",
                default_value="false",
                choices=["true", "false"],
                description="Also start the cockpit, a page at http://127.0.0.1:8050.",
            ),
            DeclareLaunchArgument(
                "task", default_value="reach", choices=list(TASKS), description="Simulated task."
            ),
            DeclareLaunchArgument(
                "model",
                default_value=[share, "/models/franka_", task],
                description="Model directory.",
            ),
            DeclareLaunchArgument("goals", default_value="10", description="Number of goals."),
            DeclareLaunchArgument(
                "output", default_value="reports", description="Folder for the reports."
            ),
            simulator,
            planner,
            client,
            OpaqueFunction(function=_cockpit),
            RegisterEventHandler(OnProcessExit(target_action=client, on_exit=_ended)),
        ]
    )


def _cockpit(context: LaunchContext) -> list[Node]:
    if LaunchConfiguration("cockpit").perform(context) != "true":
        return []
    parameters = cockpit_parameters(LaunchConfiguration("task").perform(context))
    return [
        Node(package="wm_planner", executable="cockpit", output="screen", parameters=[parameters])
    ]


def _ended(event: ProcessExited, context: LaunchContext) -> EmitEvent:
    """End all with the client; an exception lets the launch fail with it.

    Raises:
        RuntimeError: The client failed.
    """
    if event.returncode and not context.is_shutdown:
        raise RuntimeError(f"{event.process_name} ended with exit code {event.returncode}")
    return EmitEvent(event=Shutdown())
