"""Leaves the simulated arm running, with the cockpit and sample goals, for goals of the user's."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from wm_planner_msgs.msg import Goal
from wm_planner_msgs.srv import SaveGoal

from wm_planner_sim.client.calls import ClientError, call
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import free_port, start_cockpit
from wm_planner_sim.client.session import interrupted_by_signals, session
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.task import Task

PORT = 8050  # of the cockpit, if it is free
DOMAIN = ("ROS_DOMAIN_ID", "ROS_AUTOMATIC_DISCOVERY_RANGE")


def play(
    task: Task,
    model: Path | None,
    parameters: Sequence[str],
    *,
    goals: Path,
    count: int,
    open_browser: bool,
    console: Console,
) -> None:
    """Start simulator, planner and cockpit, store sample goals, and wait for Ctrl+C.

    Args:
        task: What is simulated.
        model: Directory of the planner's model; by default the embedded one of the task.
        parameters: More parameters of the planner, as ``name:=value``.
        goals: Folder for stored goals. The samples are stored anew; other goals in it stay.
        count: Sample goals to store, of the demo's.
        open_browser: Whether to open the cockpit in a browser.
        console: Where to print.

    Raises:
        ClientError: The processes do not become ready.
        KeyboardInterrupt: A signal came before they were.
    """
    goals.mkdir(parents=True, exist_ok=True)
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    say(f"{task.name}: starting the simulator, the planner and the cockpit …")
    given = [f"goals.directory:={goals.resolve()}", *parameters]
    with session(task, model, given) as client:
        client.reset(seeds.DEMO[0])
        names = store_samples(client, count)
        shown = [f"port:={free_port(PORT)}", f"open_browser:={str(open_browser).lower()}"]
        with start_cockpit(*shown, task=task.name) as cockpit:
            say(f"Stored goals, in {goals}: {', '.join(names)}")
            say("To use this ROS domain in another terminal:")
            settings = (f"{name}={os.environ[name]}" for name in DOMAIN if name in os.environ)
            say(f"    source scripts/env.sh; export {' '.join(settings)}")
            say("Ctrl+C ends all of it.")
            client.watch("the cockpit", cockpit)
            wait_for_the_end(client)


def store_samples(client: Client, count: int) -> list[str]:
    """Store goals of the demo under names, sub-goals too; return the names.

    Raises:
        ClientError: The planner refuses one.
    """
    service = client.create_client(SaveGoal, "wm_planner/save_goal")
    names = []
    for number, seed in enumerate(seeds.DEMO[:count], 1):
        images, _ = client.sample_goals(seed)
        for part, image in enumerate(images, 1):
            name = f"sample_{number}" if len(images) == 1 else f"sample_{number}_part_{part}"
            request = SaveGoal.Request(name=name, goal=Goal(images=[image]), overwrite=True)
            answer = call(service, request, client.executor)
            if not answer.success:
                raise ClientError(f"the planner did not store {name}: {answer.message}")
            names.append(name)
    return names


def wait_for_the_end(client: Client) -> None:
    """Handle messages until Ctrl+C or a signal; a second Ctrl+C does not disturb the end.

    Raises:
        ClientError: A process ended by itself; its output says why.
    """
    try:
        with interrupted_by_signals():
            while True:
                client.spin_for(0.5)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
