"""Runs the demo: drive the simulated Franka to goals given as images, and report how it went.

The demo starts the simulator and the planner as separate processes and talks to them over DDS. With
``--attach`` it uses those that already run (``ros2 launch wm_planner_sim demo.launch.py``). With
``--play`` it leaves them running, with the cockpit, for goals of the user's own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from rclpy.utilities import remove_ros_args
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from sensor_msgs.msg import Image

from wm_planner.cli.arguments import whole_number
from wm_planner.cockpit.browser import open_in_browser
from wm_planner.ending import explained
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.episode import Episode
from wm_planner_sim.client.processes import free_port, start_cockpit
from wm_planner_sim.client.session import pursue, session
from wm_planner_sim.demo.play import play
from wm_planner_sim.demo.recorder import Recorder
from wm_planner_sim.demo.report import Run, TaskReport, write_report
from wm_planner_sim.evaluation.output import new_folder, print_report
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.task import Task
from wm_planner_sim.simulator.tasks import TASKS, find_task

VIDEO_RATE = 10.0  # [Hz] twice the camera's rate
SHOWN = ("reach", "push")  # tasks
FULL_PLANS = 5  # plans with the paper's settings, to time them


def run_goals(
    client: Client,
    task: Task,
    preset: str,
    count: int,
    recorder: Recorder | None,
    console: Console,
) -> Run:
    """Pursue the demo's goals with the planner's current configuration."""
    run = Run(preset, task)
    columns = [
        TextColumn(f"{preset:>7}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
    ]  # fmt: skip
    shown = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    with shown as progress:
        bar = progress.add_task(preset, total=count, state="")
        for seed in seeds.DEMO[:count]:
            caption = f"goal {len(run.episodes) + 1}"

            def begin(images: Sequence[Image], caption: str = caption) -> None:
                if recorder:
                    recorder.start(images, caption)

            def show(episode: Episode, caption: str = caption) -> None:
                state = (
                    f"step {len(episode.distances):2d}  {task.scored} to goal "
                    f"{100 * episode.distances[-1]:5.1f} cm  plan "
                    f"{1e3 * episode.plan_times[-1]:3.0f} ms"
                )
                progress.update(bar, state=state)
                if recorder:
                    recorder.follow(episode.goal_index, f"{caption}, {state}")

            episode = pursue(client, task, seed, begin, show)
            if recorder:
                recorder.stop()
            run.episodes.append(episode)
            mark = "✓" if episode.success else "✗"
            progress.console.print(
                f"{mark} goal {len(run.episodes):2d}: {100 * episode.initial_distance:4.1f} cm to "
                f"{100 * episode.final_distance:4.1f} cm in {episode.steps:2d} steps, "
                f"{episode.message.split(':')[0]}",
                markup=False,
            )
            progress.advance(bar)
    return run


def show_task(
    task: Task, arguments: argparse.Namespace, cockpit: Sequence[str], console: Console
) -> TaskReport:
    """Run the whole protocol of one task; start the cockpit if it has parameters."""
    recorder = Recorder()
    if not arguments.attach:
        console.print(f"[bold]{task.name}[/]: starting the simulator and the planner …")
    started = session(task, arguments.model, arguments.parameter, attach=arguments.attach)
    with started as client, ExitStack() as stack:
        if cockpit:
            shown = stack.enter_context(start_cockpit(*cockpit, task=task.name))
            client.watch("the cockpit", shown)
        client.on_image = recorder
        client.watch_imagined(recorder.imagine)
        planner = run_goals(client, task, "online", arguments.goals, recorder, console)
        console.print(f"timing {FULL_PLANS} plans with the paper's settings …")
        goals, _ = client.sample_goals(seeds.DEMO[0])
        full = [client.plan_once(goals[-1], "full").plan_time for _ in range(FULL_PLANS)]
        console.print("the same goals with random actions …")
        client.use_preset("random")
        random = run_goals(client, task, "random", arguments.goals, None, console)
        reflexes = client.reflexes
    online = [t for episode in planner.episodes for t in episode.plan_times]
    protocol: dict[str, Any] = {
        "goals": f"seeds {seeds.DEMO[0]} to {seeds.DEMO[arguments.goals - 1]}, "
        "never used in training",
        "success": f"{task.success}, in the simulator; at most {task.max_steps} steps of "
        f"{task.step_time} s of simulated time",
        "random": "the same node, goals and limits, with planning.preset random",
        "model": "its encoder was taught positions by the simulator; at run time it sees images",
        "reflexes": f"{reflexes} (how often limits of a Franka Research 3 have stopped the arm)",
    }
    if sub_goals := len(goals) - 1:
        protocol["sub-goals"] = (
            f"{sub_goals} images on the way to each goal, drawn by the simulator"
        )
    return TaskReport(
        task.name, planner, random, {"online": online, "full": full}, recorder.frames, protocol
    )


def demo(arguments: argparse.Namespace, directory: Path, console: Console) -> Path:
    """Run all tasks, report them in a folder, and print how they went, without ``--json``.

    Returns:
        The path of the report, which is written again after each task.
    """
    parts: list[TaskReport] = []
    cockpit: list[str] = []
    if not (arguments.headless or arguments.attach):
        cockpit = [f"port:={free_port()}", "open_browser:=true"]  # one page for all tasks
    for name in arguments.task:
        parts.append(show_task(find_task(name), arguments, cockpit, console))
        if not arguments.json:
            print(result(parts[-1]), flush=True)
        cockpit = cockpit[:1]  # the window is open already
        path = write_report(directory, parts, VIDEO_RATE)
    return path


def result(part: TaskReport) -> str:
    """Return how a task went, in a line."""
    planner, random = part.planner, part.random
    return (
        f"{part.name}: {planner.successes} of {len(planner.episodes)} goals reached, with random "
        f"actions {random.successes} of {len(random.episodes)}"
    )


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner_sim.demo",
        "Run the demo: drive the simulated Franka to goals given as images, and "
        "report how it went in report.html and report.json.",
        "The demo starts the simulator and the planner. With --attach it uses those that "
        "already run: ros2 launch wm_planner_sim demo.launch.py.\n"
        "--json prints what is in report.json, with the path of the page.\n"
        "Exit code: 0 if all goals were pursued, reached or not, else 2; the message says why.",
        "--task push --goals 3",
        "--headless --json",
        "--play --task push",
    )
    add = parser.add_argument
    add(
        "--task",
        nargs="+",
        choices=TASKS,
        default=SHOWN,
        metavar="TASK",
        help=f"simulated tasks, of {', '.join(TASKS)} (default: {' '.join(SHOWN)})",
    )
    add(
        "--goals",
        type=whole_number(1, len(seeds.DEMO)),
        default=5,
        metavar="N",
        help="goals of each task (%(default)s); with --play, goals that are stored",
    )
    add(
        "--headless",
        action="store_true",
        help="open no window, and start no cockpit (but with --play)",
    )
    add("--attach", action="store_true", help="use a simulator and a planner that already run")
    add(
        "--play",
        action="store_true",
        help="leave simulator, planner and cockpit running, for goals of your own",
    )
    add(
        "--model",
        type=Path,
        metavar="MODEL_DIR",
        help="model directory (default: the embedded model)",
    )
    add(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME:=VALUE",
        help="parameter of the planner, e.g. planning.num_samples:=64; may be repeated",
    )
    add(
        "--output",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="folder of the reports (%(default)s)",
    )
    add(
        "--goal-folder",
        type=Path,
        metavar="DIR",
        help="folder of stored goals, with --play (default goals/TASK)",
    )
    add_output_options(parser)
    return parser


@explained("demo")
def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and run the demo."""
    parser = make_parser()
    words = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(remove_ros_args(["", *words])[1:])  # ros2 launch adds some
    if options.model and len(options.task) > 1:
        parser.error("--model is of one task; name it with --task")
    if options.attach and len(options.task) > 1:
        parser.error("--attach shows one task; name it with --task")
    if options.play and (options.attach or len(options.task) > 1):
        parser.error("--play starts one task; name it with --task, and leave out --attach")
    if options.play and options.json:
        parser.error("--play has no results that could be printed: leave out --json")
    console = Console(stderr=True, quiet=options.quiet or options.json)
    if options.play:
        play(
            find_task(options.task[0]),
            options.model,
            options.parameter,
            goals=options.goal_folder or Path("goals") / options.task[0],
            count=options.goals,
            open_browser=not options.headless,
            console=console,
        )
        return
    with new_folder(options.output / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")) as directory:
        path = demo(options, directory, console)
    print_report(path, as_json=options.json)
    if not options.headless:
        open_in_browser(path.resolve().as_uri())
