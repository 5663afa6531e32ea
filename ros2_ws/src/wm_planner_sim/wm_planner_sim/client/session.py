"""A client together with the simulator and the planner that it talks to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import rclpy
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image

from wm_planner_sim.client.client import Client
from wm_planner_sim.client.episode import Episode
from wm_planner_sim.client.processes import start_planner, start_simulator
from wm_planner_sim.simulator.task import Task


@contextmanager
def session(
    task: Task, model: Path | None = None, parameters: Sequence[str] = (), *, attach: bool = False
) -> Iterator[Client]:
    """Start simulator and planner as processes of their own, and end them with the client.

    Args:
        task: What is simulated.
        model: Directory of the planner's model; by default the embedded one of the task.
        parameters: More parameters of the planner, as ``name:=value``.
        attach: Use a simulator and a planner that already run.

    Raises:
        ClientError: They do not become ready, or one of them has ended, also in the block.
        KeyboardInterrupt: A signal ended ROS.
    """
    with ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.try_shutdown)
        client, executor = Client(), SingleThreadedExecutor()
        stack.callback(client.destroy_node)
        stack.callback(executor.shutdown)
        executor.add_node(client)
        if not attach:
            simulator = start_simulator(f"task:={task.name}", log_level="warn")
            client.watch("the simulator", stack.enter_context(simulator))
            planner = start_planner(*parameters, task=task.name, model=model, log_level="error")
            client.watch("the planner", stack.enter_context(planner))
        with interrupted_by_signals():
            client.wait_active()
            yield client


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Turn what fails because a signal ended ROS, which may be any call of it, into Ctrl+C.

    Raises:
        KeyboardInterrupt: A signal ended ROS.
    """
    try:
        yield
    except Exception as error:
        if rclpy.ok():
            raise
        raise KeyboardInterrupt from error


def pursue(
    client: Client,
    task: Task,
    seed: int,
    on_goal: Callable[[Sequence[Image]], None] = lambda images: None,
    on_step: Callable[[Episode], None] = lambda episode: None,
) -> Episode:
    """Reset the scene to a seed and pursue the goal of that seed, with its sub-goals.

    Args:
        client: The client.
        task: Gives the time allowed.
        seed: Of scene and goal.
        on_goal: Called, before they are sent, with the images of the sub-goals and of the goal.
        on_step: Called after every step.
    """
    client.reset(seed)
    images, position = client.sample_goals(seed)
    on_goal(images)
    # The first step is planned from an image that is already there; half a step is slack.
    timeout = (task.max_steps - 1.5) * task.step_time
    episode = client.reach(seed, images[-1], position, timeout, on_step, sub_goals=images[:-1])
    near = episode.final_distance < task.success_radius
    episode.success = near and task.placed(episode.heights, float(position[2]))
    if near and not episode.success:
        episode.message = f"not lifted and put down, though {episode.message}"
    return episode
