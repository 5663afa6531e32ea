"""Simulator and planner as processes that end with their parent."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory

from wm_planner_sim.client.calls import ClientError
from wm_planner_sim.simulator import franka
from wm_planner_sim.simulator.camera import camera_pose
from wm_planner_sim.simulator.tasks import DEFAULT_TASK, find_task

LIBC = ctypes.CDLL(None)  # loaded early because nothing may take a lock between fork and exec
PR_SET_PDEATHSIG = 1
STDERR = 2  # the file descriptor
END_TIMEOUT = 10.0  # [s] from SIGTERM to SIGKILL


def end_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent dies (prctl(2), Linux)."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class ManagedProcess:
    """A process that runs a Python module until the end of a ``with`` statement.

    Args:
        module: Module for ``python -m``.
        arguments: Its arguments, e.g. ROS arguments.
        output: File that its output is appended to; by default all of it goes to the parent's
            standard error, so that its standard output has only results.
    """

    def __init__(
        self, module: str, arguments: Sequence[str] = (), output: Path | None = None
    ) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._output = output
        self.process = self._start()

    def __enter__(self) -> ManagedProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def _start(self) -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self._output.open("ab")) if self._output else None
            return subprocess.Popen(
                self._command,
                stdout=file or STDERR,
                stderr=file,
                preexec_fn=end_with_parent,
                start_new_session=True,  # Ctrl+C ends the parent, which then ends this process
            )

    def check(self, what: str) -> None:
        """Raise a ``ClientError`` that names the process as ``what`` if it has ended."""
        if self.process.poll() is not None:
            raise ClientError(f"{what} has ended: its output above says why")

    def restart(self) -> None:
        """End the process and start a new one."""
        self.end()
        self.process = self._start()

    def end(self) -> None:
        """End the process with SIGTERM, or with SIGKILL if that does not end it."""
        self.process.terminate()
        try:
            self.process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_simulator(*parameters: str, log_level: str = "info") -> ManagedProcess:
    """Start the simulator; parameters as ``name:=value``."""
    arguments = ["--ros-args", *_arguments(parameters, log_level)]
    return ManagedProcess("wm_planner_sim.simulator.node", arguments)


def start_planner(
    *parameters: str,
    task: str = DEFAULT_TASK,
    model: Path | None = None,
    image: str = "rgb",
    pose: str = "current_pose",
    joints: str = "joint_states",
    command: str = "target_pose",
    name: str = "wm_planner",
    log_level: str = "info",
    output: Path | None = None,
) -> ManagedProcess:
    """Start the planner with the demo's parameters, on the simulator's topics.

    Args:
        parameters: More parameters as ``name:=value``.
        task: Task whose parameters and model are used.
        model: Directory of the model; by default the embedded one of the task.
        image: Topic of the camera.
        pose: Topic of the measured pose.
        joints: Topic of the joint states.
        command: Topic of the commands.
        name: Name of the node.
        log_level: Lowest level that is logged.
        output: File that its output is appended to.
    """
    directory = model or embedded_model(task)
    remappings = [
        f"image:={image}",
        f"current_pose:={pose}",
        f"joint_states:={joints}",
        f"command:={command}",
        f"__node:={name}",
    ]
    return ManagedProcess(
        "wm_planner.node",
        [
            "--ros-args",
            *("--params-file", str(demo_parameters(task))),
            *(word for remapping in remappings for word in ("-r", remapping)),
            *_arguments([f"model.directory:={directory}", *parameters], log_level),
        ],
        output,
    )


def start_cockpit(
    *parameters: str,
    task: str = DEFAULT_TASK,
    planner: str = "wm_planner",
    log_level: str = "warn",
    output: Path | None = None,
) -> ManagedProcess:
    """Start the cockpit, the page in the browser, for the simulated arm.

    Args:
        parameters: More parameters as ``name:=value``.
        task: Task that is simulated, whose camera tells where the plan is drawn.
        planner: Name of the planner's node.
        log_level: Lowest level that is logged.
        output: File that its output is appended to.
    """
    given = [f"{name}:={value}" for name, value in cockpit_parameters(task).items()]
    given += [f"planner:={planner}", *parameters]
    arguments = ["--ros-args", *_arguments(given, log_level)]
    return ManagedProcess("wm_planner.cockpit.program", arguments, output)


def free_port(wanted: int = 0) -> int:
    """Return a free port of 127.0.0.1: the one that is wanted, or any."""
    try:
        with socket.create_server(("127.0.0.1", wanted)) as server:
            return int(server.getsockname()[1])
    except OSError:
        return free_port()


def cockpit_address(cockpit: ManagedProcess, output: Path, timeout: float = 60.0) -> str:
    """Wait for the address of the page, which a cockpit prints; return it.

    Args:
        cockpit: The cockpit's process.
        output: File that its output is appended to.
        timeout: Time allowed [s].

    Raises:
        ClientError: The cockpit ended, or printed none within the time.
    """
    until = time.monotonic() + timeout
    while True:
        text = output.read_text()
        if words := [word for word in text.split() if word.startswith("http")]:
            return words[0]
        if cockpit.process.poll() is not None or time.monotonic() > until:
            raise ClientError(f"the cockpit did not start: {text.strip()}")
        time.sleep(0.05)


def cockpit_parameters(task: str) -> dict[str, Any]:
    """Return what the cockpit must be told of the simulated arm: where its camera and links are."""
    urdf = Path(get_package_share_directory("wm_planner")) / "config" / "robots" / "panda.urdf"
    return {
        "camera_pose": camera_pose(find_task(task)).round(6).tolist(),
        "urdf": str(urdf),
        "base": franka.BASE_FRAME,
        "tip": "panda_hand_tcp",
    }


def embedded_model(task: str = DEFAULT_TASK) -> Path:
    """Return the directory of the embedded model of a task."""
    return _share() / "models" / f"franka_{task}"


def demo_parameters(task: str = DEFAULT_TASK) -> Path:
    """Return the file with the planner's parameters in the demo of a task."""
    return _share() / "config" / f"{task}.yaml"


def _share() -> Path:
    return Path(get_package_share_directory("wm_planner_sim"))


def _arguments(parameters: Sequence[str], log_level: str) -> list[str]:
    pairs = [word for parameter in parameters for word in ("-p", parameter)]
    return ["--log-level", log_level, *pairs]
