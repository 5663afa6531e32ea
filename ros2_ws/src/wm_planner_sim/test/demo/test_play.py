"""`make play` as a user has it: stored goals, a goal by the example of the docs, Ctrl+C."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from wm_planner_sim.demo.play import PORT

pytestmark = [pytest.mark.dds, pytest.mark.slow]
REPOSITORY = Path(__file__).parents[5]
EXAMPLE = REPOSITORY / "docs" / "examples" / "send_goal.py"
PATIENT = (
    "session.image_timeout:=60.0",
    "session.pose_timeout:=60.0",
    "session.progress_time:=0.0",
    "worker.plan_timeout:=60.0",
)
WAIT = 120.0  # [s] that only a broken program needs


def test_a_goal_of_the_users_own_is_reached_and_ctrl_c_ends_all_quietly(tmp_path: Path) -> None:
    command = [sys.executable, REPOSITORY / "scripts" / "free_domain.py"]
    env = {**os.environ, "ROS_DOMAIN_ID": subprocess.check_output(command, text=True).strip()}
    parameters = [word for name in PATIENT for word in ("--parameter", name)]
    output = tmp_path / "output.txt"
    with contextlib.ExitStack() as stack, output.open("w") as file:
        with contextlib.suppress(OSError):  # or another program has it
            stack.enter_context(socket.create_server(("127.0.0.1", PORT)))
        playing = subprocess.Popen(
            [sys.executable, "-m", "wm_planner_sim.demo", "--play", "--headless", "--task=reach",
             "--goals=2", *parameters],
            cwd=tmp_path, env=env, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        stack.callback(kill, playing)
        wait_until(lambda: "cockpit: http" in output.read_text(), playing, output)
        assert f"http://127.0.0.1:{PORT}/" not in output.read_text()
        assert sorted(path.name for path in (tmp_path / "goals" / "reach").iterdir()) == [
            "sample_1.png",
            "sample_2.png",
        ]
        sent = subprocess.run(
            [sys.executable, EXAMPLE, tmp_path / "goals" / "reach" / "sample_2.png"],
            env=env, capture_output=True, text=True,
        )  # fmt: skip
        assert sent.returncode == 0, sent.stdout + sent.stderr
        assert "step 1: distance" in sent.stdout
        assert sent.stdout.splitlines()[-1].startswith("reached")
        for _ in range(2):  # an impatient user, whose terminal sends it to all processes
            os.killpg(playing.pid, signal.SIGINT)
            time.sleep(0.1)
        wait_until(lambda: playing.poll() is not None, None, output)
    assert playing.returncode == 0, output.read_text()
    assert "Traceback" not in output.read_text(), output.read_text()


def kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def wait_until(
    done: Callable[[], bool], process: subprocess.Popen[bytes] | None, output: Path
) -> None:
    end = time.monotonic() + WAIT
    while not done():
        assert time.monotonic() < end, output.read_text()
        assert process is None or process.poll() is None, output.read_text()
        time.sleep(0.05)


def test_play_takes_one_task(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "wm_planner_sim.demo", "--play"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "name it with --task" in ran.stderr
