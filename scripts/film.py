"""Film the cockpit beside the simulated arm: the film at the top of the README.

It starts the simulator, the planner and the cockpit, sends goals, and looks at the page in a
browser. The view of the arm is rendered afterward, from the joints and the cube's poses that the
simulator published. Both are laid side by side by simulated time, so that a slow machine yields
fewer images of the page, but not another film.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from bootstrap import BROWSERS
from film_frames import (
    HEIGHT,
    Bystander,
    FilmError,
    Recording,
    eventful,
    frames,
    moments,
    write_film,
    write_still,
)
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import JointState
from wm_planner_msgs.action import ReachGoal

from wm_planner.cli.arguments import count, number, positive
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.ending import explained
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner.images import decode
from wm_planner.progress import Progress, Step
from wm_planner.ros.qos import sensor_data_qos
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import cockpit_address, start_cockpit
from wm_planner_sim.client.session import session
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.messages import seconds
from wm_planner_sim.simulator.task import Task
from wm_planner_sim.simulator.tasks import TASKS, find_task

try:
    from playwright.sync_api import Error as BrowserError
    from playwright.sync_api import Page, sync_playwright
except ImportError as error:
    raise SystemExit("film: Playwright is missing; `make lint` installs it") from error

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "screenshots" / "demo.webp"
OPTIONS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PAGE = {"width": 580, "height": 948}
"""Part of the page that is shown [pixels]: down to the curves, in one column."""
PATIENCE = 60_000  # [ms] that only a broken program needs
BEFORE, AFTER = 2.0, 5.0  # [s] of simulated time that are filmed before and after a goal
CATCH_UP = 0.5  # [s]
SLOWER = 3.0  # so many times as long as in the demo a goal may take, on a busy machine
RATE = 10.0  # frames per second of the film
FILM_LIMIT, STILL_LIMIT = 3_000_000, 150_000  # [bytes]


def record(task: Task, goals: range, progress: Progress, say: Callable[[str], None]) -> Recording:
    """Run goals of the demo and return what was seen.

    Args:
        task: What is simulated.
        goals: Seeds of the goals, one after another, without a reset between them; the scene
            begins as of the first.
        progress: Shows how far the job is.
        say: Takes notes.

    Raises:
        ClientError: Simulator, planner or cockpit do not become ready.
        BrowserError: There is no browser, or the page does not show what it should.
    """
    recording = Recording(task)
    with ExitStack() as stack:
        with progress(f"starting everything for {task.name}"):
            client = stack.enter_context(session(task))
            client.reset(goals[0])
            page = stack.enter_context(open_page(stack.enter_context(cockpit(task))))
            watch(client, recording)
            client.spin_for(CATCH_UP)
        with progress("filming goals", len(goals)) as step, ThreadPoolExecutor(1) as pool:
            begin, began = time.monotonic(), client.pose_time
            pursuing = pool.submit(pursue_goals, client, recording, goals, step, say)
            while not pursuing.done():
                before = client.pose_time
                png = page.screenshot(caret="initial")
                recording.pages.add((before + client.pose_time) / 2, png)
            pursuing.result()
            took, passed = time.monotonic() - begin, client.pose_time - began
    say(
        f"{len(recording.pages)} images of the page in {took:.1f} s, in which {passed:.1f} s of "
        "simulated time passed."
    )
    return recording


@contextmanager
def cockpit(task: Task) -> Iterator[str]:
    """Start the cockpit at a free port; yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "output.txt"
        output.touch()
        with start_cockpit("port:=0", task=task.name, output=output) as process:
            yield cockpit_address(process, output)


@contextmanager
def open_page(url: str) -> Iterator[Page]:
    """Open the cockpit's page in a browser without a window, and wait until it is alive."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise BrowserError(f"install a browser: {' or '.join(BROWSERS)}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        scale = HEIGHT / PAGE["height"]
        page = browser.new_page(viewport=PAGE, device_scale_factor=scale, color_scheme="light")
        page.set_default_timeout(PATIENCE)
        page.goto(url)
        page.locator(".state-word.idle").wait_for()
        page.locator("img.feed-camera[data-count]").wait_for()
        yield page
        browser.close()


def watch(client: Client, recording: Recording) -> None:
    """Record what the simulator publishes of the arm and the cube."""

    def on_joints(message: JointState) -> None:
        recording.joints.add(seconds(message.header.stamp), np.array(message.position))

    def on_cube(message: PoseStamped) -> None:
        p, q = message.pose.position, message.pose.orientation
        pose = np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
        recording.cube.add(seconds(message.header.stamp), pose)

    client.create_subscription(JointState, "joint_states", on_joints, sensor_data_qos())
    client.create_subscription(PoseStamped, "sim/cube_pose", on_cube, sensor_data_qos())


def pursue_goals(
    client: Client, recording: Recording, goals: range, step: Step, say: Callable[[str], None]
) -> None:
    """Send one goal after another, and say how each went.

    Raises:
        FilmError: One is not reached.
    """
    task = recording.task
    for seed in goals:
        (*ways, goal), position = client.sample_goals(seed)
        client.spin_for(CATCH_UP)  # it has not listened meanwhile
        begin = client.pose_time
        words = f"Goal image, after {len(ways)} sub-goals" if ways else "Goal image"
        recording.goals.add(begin, (decode(goal), words))
        wait(client, BEFORE)
        timeout = SLOWER * task.max_steps * task.step_time
        episode = client.reach(seed, goal, position, timeout, sub_goals=ways)
        say(
            f"Seed {seed}: the {task.scored} was {100 * episode.initial_distance:.1f} cm from its "
            f"goal, and after {episode.elapsed:.1f} s {100 * episode.final_distance:.1f} cm. "
            f"The planner says: {episode.message}"
        )
        if episode.error_code != ReachGoal.Result.NONE:
            raise FilmError(
                "no film is written, because the goal was not reached: try again when the "
                "machine has less to do, or with other goals (--first)"
            )
        wait(client, AFTER)
        recording.takes.append((begin, client.pose_time))
        step()


def wait(client: Client, duration: float) -> None:
    """Handle messages for a simulated time [s]."""
    until = client.pose_time + duration
    client.spin_until(lambda: client.pose_time >= until)


def make_parser() -> argparse.ArgumentParser:
    parser = parser_with_examples(
        "python scripts/film.py",
        "Film the cockpit beside the simulated arm: the film at the top of the README.",
        "It needs `source scripts/env.sh`, and a ROS domain without other robots: set "
        "ROS_DOMAIN_ID to what `python scripts/free_domain.py` prints. Beside the film it writes "
        "a still image, with the ending .jpg.\n\n"
        "Exit code: 0 if the film was written, else 2; the message says why.",
        "",
        "--task push --goals 2 --speed 4 --output push.webp",
    )
    add = parser.add_argument
    add("--task", choices=TASKS, default="pick_place", help="what is simulated (%(default)s)")
    add("--goals", type=positive, default=1, metavar="N", help="how many goals (%(default)s)")
    add(
        "--first", type=count, default=1, metavar="N",
        help="index of the first goal among the demo's (%(default)s)",
    )  # fmt: skip
    add("--speed", type=number, default=2.0, help="simulated seconds per second (%(default)s)")
    add(
        "--output", type=Path, default=OUTPUT, metavar="FILE",
        help="film to write, .webp (docs/screenshots/demo.webp)",
    )  # fmt: skip
    add_output_options(parser)
    return parser


@explained("film")
def main(words: list[str] | None = None) -> None:
    parser = make_parser()
    arguments = parser.parse_args(words)
    if not arguments.first < len(seeds.DEMO) - arguments.goals:
        parser.error("--first must be an index of one of the demo's goals, with --goals after it")
    if not 0.1 <= arguments.speed <= 10.0:
        parser.error(f"--speed is {arguments.speed}; choose 0.1 to 10")
    if arguments.output.suffix != ".webp":
        parser.error(f"--output is {arguments.output}; choose a name that ends with .webp")
    if not arguments.output.absolute().parent.is_dir():
        parser.error(f"--output is {arguments.output}, whose folder does not exist: make it first")
    try:
        film(arguments)
    except (FilmError, BrowserError) as error:
        print(f"film: {str(error).splitlines()[0]}", file=sys.stderr)
        raise SystemExit(2) from error


def film(arguments: argparse.Namespace) -> None:
    """Make the film and the still image, and print what was written."""
    quiet = arguments.quiet or arguments.json
    progress = shown_progress(quiet)
    task, goals = find_task(arguments.task), seeds.DEMO[arguments.first :][: arguments.goals]
    Bystander(task).close()  # so that a task that cannot be filmed is refused at once
    recording = record(
        task, goals, progress, lambda note: None if quiet else print(note, file=sys.stderr)
    )
    times = moments(recording, RATE, arguments.speed)
    images = []
    with progress("rendering frames", len(times)) as step:
        for image in frames(recording, times, arguments.speed):
            images.append(image)
            step()
    output: Path = arguments.output
    still = output.with_suffix(".jpg")
    with progress("encoding the film"):
        quality = write_film(output, images, RATE, FILM_LIMIT)
        write_still(still, images[eventful(recording, times)], STILL_LIMIT)
    (width, height), sizes = images[0].size, (output.stat().st_size, still.stat().st_size)
    if arguments.json:
        found = {"film": str(output), "bytes": sizes[0], "width": width, "height": height}
        found |= {"frames": len(images), "seconds": len(images) / RATE, "quality": quality}
        print(json.dumps({**found, "still": str(still), "still_bytes": sizes[1]}, indent=2))
        return
    print(
        f"{output}: {sizes[0] / 1e6:.2f} MB, {width} x {height} pixels, "
        f"{len(images)} frames in {len(images) / RATE:.1f} s, quality {quality}"
    )
    print(f"{still}: {sizes[1] / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
