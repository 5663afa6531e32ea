"""The cockpit in a real browser, beside a simulator and a planner in a ROS domain of their own.

With ``WM_PLANNER_SCREENSHOTS`` set to a folder, the tests write the images of the docs there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from wm_planner_sim.client.processes import (
    ManagedProcess,
    cockpit_address,
    start_cockpit,
    start_planner,
    start_simulator,
)
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import find_task

REPOSITORY = Path(__file__).parents[5]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = [
    "--no-sandbox",
    "--enable-unsafe-swiftshader",  # WebGL without a GPU, for the 3D view
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE = 60_000  # [ms] that only a broken program needs
PATIENT = (
    "session.image_timeout:=60.0",
    "session.pose_timeout:=60.0",
    "session.progress_time:=0.0",
    "worker.plan_timeout:=60.0",
    "worker.restart_timeout:=60.0",
)
expect.set_options(timeout=PATIENCE)


class Robot:
    """Simulator, planner and cockpit.

    Attributes:
        simulator: The simulator's process.
        planner: The planner's process.
        cockpit: The cockpit's process.
        url: Address of the page.
    """

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self.simulator = stack.enter_context(start_simulator("free:=true", log_level="warn"))
        goals = f"goals.directory:={folder}"
        self.planner = stack.enter_context(start_planner(*PATIENT, goals, log_level="warn"))
        self.cockpit, self.url = self.start_cockpit("port:=0")

    def start_cockpit(self, *parameters: str) -> tuple[ManagedProcess, str]:
        """Start a cockpit; return it with the address that it prints."""
        output = self._folder / f"cockpit-{len(list(self._folder.iterdir()))}.txt"
        output.touch()
        process = self._stack.enter_context(start_cockpit(*parameters, output=output))
        return process, cockpit_address(process, output)


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Robot]:
    command = [sys.executable, str(REPOSITORY / "scripts" / "free_domain.py")]
    domain = subprocess.check_output(command, text=True).strip()
    usual = os.environ.get("ROS_DOMAIN_ID")
    with ExitStack() as stack:
        os.environ["ROS_DOMAIN_ID"] = domain
        try:
            yield Robot(tmp_path_factory.mktemp("cockpit"), stack)
        finally:
            if usual is None:
                del os.environ["ROS_DOMAIN_ID"]
            else:
                os.environ["ROS_DOMAIN_ID"] = usual


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, f"install a browser for this test: {' or '.join(BROWSERS)}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def open_page(browser: Browser, robot: Robot) -> Iterator[Callable[..., Page]]:
    """A function that opens the cockpit in a new window, and fails if the page has an error."""
    problems: list[str] = []

    def opening(url: str = "", **options: Any) -> Page:
        size = {"width": 1280, "height": 900}
        page = browser.new_context(viewport=size, **options).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: problems.extend(_from_elsewhere(request.url)))
        page.goto(url or robot.url)
        return page

    yield opening
    assert problems == []


def _from_elsewhere(url: str) -> list[str]:
    own = url.startswith(("http://127.0.0.1:", "http://localhost:", "blob:", "data:"))
    return [] if own else [f"the page asked for {url}"]


@pytest.fixture(scope="module")
def shoot(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Page, str], None]:
    """A function that takes a screenshot, of the page in light and in dark."""
    folder = Path(os.environ.get("WM_PLANNER_SCREENSHOTS") or tmp_path_factory.mktemp("shots"))

    def shooting(page: Page, name: str) -> None:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(
                "dark => document.body.classList.contains('body--dark') === dark",
                arg=scheme == "dark",
            )
            page.evaluate("scrollTo(0, 0)")
            page.mouse.move(640, 1)  # off the buttons, which would show their tooltips
            file = folder / f"cockpit_{name}_{scheme}.jpg"
            page.screenshot(path=file, type="jpeg", quality=80, full_page=True)

    return shooting


@pytest.fixture(scope="module")
def goal_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of a goal that the arm can reach, rendered without ROS."""
    simulation = Simulation(480, 640, 0, find_task("reach"))
    try:
        image = simulation.sample_goal(5).image
    finally:
        simulation.close()
    file = tmp_path_factory.mktemp("goal") / "goal.png"
    cv2.imwrite(str(file), image[..., ::-1])
    return file
