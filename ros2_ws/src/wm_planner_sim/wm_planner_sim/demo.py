"""The demo: drive the simulated Franka to goals given as images, and report how it went.

    python -m wm_planner_sim.demo [--headless] [--goals N] [--attach]

The simulator and the planner run as processes of their own and talk to this one over DDS. With
``--attach`` they are already there (``ros2 launch wm_planner_sim demo.launch.py`` starts them).
"""

from __future__ import annotations

import argparse
import webbrowser
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sensor_msgs.msg import Image

from wm_planner.images import decode
from wm_planner.types import RgbImage
from wm_planner_sim import seeds
from wm_planner_sim.calls import ClientError
from wm_planner_sim.client import Client, Episode
from wm_planner_sim.live import LiveView, has_display
from wm_planner_sim.partners import start_planner, start_simulator
from wm_planner_sim.report import Run, write_report

TOLERANCE = 0.02  # [m] a goal counts as reached below this, in the simulator
STEPS = 40  # model steps allowed per goal
STEP_DURATION = 0.2  # [s] simulated time of one model step
VIDEO_HEIGHT = 360  # [pixels]
CAPTION = 30  # [pixels] height of the caption's bar
VIDEO_RATE = 10.0  # [Hz] twice as fast as it was
FULL_PLANS = 5  # plans with the paper's settings, for their time


class Recorder:
    """Films the camera beside the goal image.

    Args:
        live: Also shows every frame there.
    """

    def __init__(self, live: LiveView | None = None) -> None:
        self._live = live
        self.frames: list[RgbImage] = []
        self.goal: Image | None = None
        self.caption = ""

    def __call__(self, message: Image) -> None:
        """Take a frame while a goal is set."""
        if self.goal is None:
            return
        frame = np.hstack([_scaled(decode(message)), _scaled(decode(self.goal))])
        frame[:CAPTION] = (frame[:CAPTION] * 0.4).astype(np.uint8)
        place = (10, CAPTION - 9)
        cv2.putText(frame, self.caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255,) * 3, 1)
        if self._live:
            self._live.show(frame)
        self.frames.append(frame)


def _scaled(image: RgbImage) -> RgbImage:
    width = 2 * round(image.shape[1] * VIDEO_HEIGHT / image.shape[0] / 2)
    return np.asarray(cv2.resize(image, (width, VIDEO_HEIGHT)), dtype=np.uint8)


def run_goals(
    client: Client, preset: str, count: int, recorder: Recorder | None, console: Console
) -> Run:
    """Pursue the demo's goals with the planner as it is configured now."""
    run = Run(preset, TOLERANCE)
    columns = [
        TextColumn(f"{preset:>7}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
    ]  # fmt: skip
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(preset, total=count, state="")
        for seed in seeds.DEMO[:count]:
            client.reset(seed)
            goal, position = client.sample_goal(seed)

            def show(episode: Episode) -> None:
                state = (
                    f"step {len(episode.distances):2d}  gripper to goal "
                    f"{100 * episode.distances[-1]:5.1f} cm  plan "
                    f"{1e3 * episode.plan_times[-1]:3.0f} ms"
                )
                progress.update(task, state=state)
                if recorder:
                    recorder.caption = f"goal {len(run.episodes) + 1}, {state}"

            if recorder:
                recorder.goal, recorder.caption = goal, f"goal {len(run.episodes) + 1}"
            # The first step is made from an image that is already there; half a step of slack.
            episode = client.reach(seed, goal, position, (STEPS - 1.5) * STEP_DURATION, show)
            if recorder:
                recorder.goal = None
            run.episodes.append(episode)
            mark = "✓" if episode.final_distance < TOLERANCE else "✗"
            progress.console.print(
                f"{mark} goal {len(run.episodes):2d}: {100 * episode.initial_distance:4.1f} cm to "
                f"{100 * episode.final_distance:4.1f} cm in {episode.steps:2d} steps, "
                f"{episode.message.split(':')[0]}"
            )
            progress.advance(task)
    return run


def demo(arguments: argparse.Namespace, console: Console) -> Path:
    """Run the whole protocol and write the report."""
    rclpy.init()
    live = None if arguments.headless or not has_display() else LiveView()
    client, executor, recorder = Client(), SingleThreadedExecutor(), Recorder(live)
    executor.add_node(client)
    client.on_image = recorder
    try:
        with ExitStack() as stack:
            if not arguments.attach:
                console.print("starting the simulator and the planner …")
                stack.callback(start_simulator(log_level="warn").end)
                planner_process = start_planner(model=arguments.model, log_level="error")
                stack.callback(planner_process.end)
            client.wait_active()
            if live:
                stack.callback(live.close)
                live.open()
            planner = run_goals(client, "online", arguments.goals, recorder, console)
            console.print(f"timing {FULL_PLANS} plans with the paper's settings …")
            goal, _ = client.sample_goal(seeds.DEMO[0])
            full = [client.plan_once(goal, "full").plan_time for _ in range(FULL_PLANS)]
            console.print("the same goals with random actions …")
            client.use_preset("random")
            random = run_goals(client, "random", arguments.goals, None, console)
    finally:
        executor.shutdown()
        client.destroy_node()
        rclpy.try_shutdown()
    online = [t for episode in planner.episodes for t in episode.plan_times]
    protocol: dict[str, Any] = {
        "goals": f"seeds {seeds.DEMO[0]} to {seeds.DEMO[arguments.goals - 1]}, "
        "never used in training",
        "success": f"gripper within {TOLERANCE} m of the goal position in the simulator, "
        f"{STEPS} steps of {STEP_DURATION} s of simulated time at most",
        "random": "the same node, goals and limits; planning.preset is random",
    }
    return write_report(
        arguments.output / datetime.now().strftime("%Y-%m-%d_%H-%M-%S"),
        planner, random, {"online": online, "full": full}, recorder.frames, VIDEO_RATE, protocol,
    )  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goals", type=int, default=10, help="number of goals (default 10)")
    parser.add_argument("--headless", action="store_true", help="open no window")
    parser.add_argument("--attach", action="store_true", help="simulator and planner run already")
    parser.add_argument("--model", type=Path, help="another model directory than the embedded one")
    parser.add_argument(
        "--output", type=Path, default=Path("reports"), help="folder of the reports"
    )
    arguments, _ = parser.parse_known_args()  # ros2 launch adds --ros-args
    console = Console()
    try:
        path = demo(arguments, console)
    except ClientError as error:
        raise SystemExit(f"demo: {error}") from error
    console.print(f"report: {path.resolve()}", soft_wrap=True)
    if not arguments.headless and has_display():
        webbrowser.open(path.resolve().as_uri())


if __name__ == "__main__":
    main()
