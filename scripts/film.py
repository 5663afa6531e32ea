"""Film the cockpit beside the simulated arm: the film at the top of the README.

It starts the simulator, the planner and the cockpit, sends goals, and looks at the page in a
browser. The view of the arm is rendered afterward, from the joints and the cube's poses that the
simulator published. Both are laid side by side by simulated time, so that a slow machine yields
fewer images of the page, but not another film.

source scripts/env.sh
ROS_DOMAIN_ID=$(python scripts/free_domain.py) ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST \\
    python scripts/film.py [--task pick_place] [--goals 1] [--output docs/screenshots/demo.webp]
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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

from wm_planner.images import decode
from wm_planner.ros.qos import sensor_data_qos
from wm_planner_sim.client.calls import ClientError
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


def record(task: Task, first: int, count: int) -> Recording:
    """Run goals of the demo and return what was seen.

    Args:
        task: What is simulated.
        first: Index of the first goal in ``seeds.DEMO``; the scene begins as of its seed.
        count: Goals, one after another, without a reset between them.

    Raises:
        ClientError: Simulator, planner or cockpit do not become ready.
        BrowserError: There is no browser, or the page does not show what it should.
    """
    recording = Recording(task)
    print(f"Starting the simulator and the planner for the task {task.name} …", flush=True)
    with session(task) as client:
        client.reset(seeds.DEMO[first])
        with cockpit(task) as url, open_page(url) as page, ThreadPoolExecutor(1) as pool:
            watch(client, recording)
            goals = seeds.DEMO[first : first + count]
            client.spin_for(CATCH_UP)
            begin, began = time.monotonic(), client.pose_time
            pursuing = pool.submit(pursue_goals, client, recording, goals)
            while not pursuing.done():
                before = client.pose_time
                png = page.screenshot(caret="initial")
                recording.pages.add((before + client.pose_time) / 2, png)
            pursuing.result()
            took, passed = time.monotonic() - begin, client.pose_time - began
    print(
        f"{len(recording.pages)} images of the page in {took:.1f} s, in which {passed:.1f} s of "
        "simulated time passed. Making the film …",
        flush=True,
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


def pursue_goals(client: Client, recording: Recording, goals: range) -> None:
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
        print(
            f"Seed {seed}: the {task.scored} was {100 * episode.initial_distance:.1f} cm from its "
            f"goal, and after {episode.elapsed:.1f} s {100 * episode.final_distance:.1f} cm. "
            f"The planner says: {episode.message}",
            flush=True,
        )
        if episode.error_code != ReachGoal.Result.NONE:
            raise FilmError(
                "no film is written, because the goal was not reached: try again when the "
                "machine has less to do, or with other goals (--first)"
            )
        wait(client, AFTER)
        recording.takes.append((begin, client.pose_time))


def wait(client: Client, duration: float) -> None:
    """Handle messages for a simulated time [s]."""
    until = client.pose_time + duration
    client.spin_until(lambda: client.pose_time >= until)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", choices=TASKS, default="pick_place")
    parser.add_argument("--goals", type=int, default=1, help="how many goals (default 1)")
    parser.add_argument(
        "--first", type=int, default=1, help="index of the first goal among the demo's (default 1)"
    )
    parser.add_argument(
        "--speed", type=float, default=2.0, help="simulated seconds per second (default 2)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default {OUTPUT.name}")
    arguments = parser.parse_args()
    if not (arguments.goals >= 1 and 0 <= arguments.first < len(seeds.DEMO) - arguments.goals):
        parser.error("--goals must be 1 or more, and --first an index of one of the demo's goals")
    if not 0.1 <= arguments.speed <= 10.0:
        parser.error(f"--speed is {arguments.speed}; choose 0.1 to 10")
    if arguments.output.suffix != ".webp":
        parser.error(f"--output is {arguments.output}; choose a name that ends with .webp")
    if not arguments.output.absolute().parent.is_dir():
        parser.error(f"--output is {arguments.output}, whose folder does not exist: make it first")
    task = find_task(arguments.task)
    try:
        Bystander(task).close()  # so that a task that cannot be filmed is refused at once
        recording = record(task, arguments.first, arguments.goals)
        times = moments(recording, RATE, arguments.speed)
        images = list(frames(recording, times, arguments.speed))
        output: Path = arguments.output
        still = output.with_suffix(".jpg")
        quality = write_film(output, images, RATE, FILM_LIMIT)
        write_still(still, images[eventful(recording, times)], STILL_LIMIT)
    except (ClientError, FilmError, BrowserError, OSError) as error:
        raise SystemExit(f"film: {str(error).splitlines()[0]}") from error
    except KeyboardInterrupt as error:
        raise SystemExit("film: ended by a signal") from error
    width, height = images[0].size
    print(
        f"{output}: {output.stat().st_size / 1e6:.2f} MB, {width} x {height} pixels, "
        f"{len(images)} frames in {len(images) / RATE:.1f} s, quality {quality}"
    )
    print(f"{still}: {still.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
