"""The demo's processes: simulator and planner, started and ended together."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

LIBC = ctypes.CDLL(None)  # loaded here: between fork and exec nothing may take a lock
PR_SET_PDEATHSIG = 1
END_TIMEOUT = 10.0  # [s] a process that ignores SIGTERM for so long is killed


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the parent dies, however it dies (prctl(2), Linux)."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Partner:
    """A process that runs a module of this workspace; a ``with`` statement ends it.

    Args:
        module: For ``python -m``.
        arguments: Its arguments, e.g. ROS arguments.
        output: File that takes what it prints; by default it prints where its parent does.
    """

    def __init__(
        self, module: str, arguments: Sequence[str] = (), output: Path | None = None
    ) -> None:
        self._command = [sys.executable, "-m", module, *arguments]
        self._output = output
        self.process = self._start()

    def __enter__(self) -> Partner:
        return self

    def __exit__(self, *exception: object) -> None:
        self.end()

    def _start(self) -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self._output.open("ab")) if self._output else None
            return subprocess.Popen(
                self._command, stdout=file, stderr=file, preexec_fn=_end_with_parent
            )

    def restart(self) -> None:
        """End it and start it afresh."""
        self.end()
        self.process = self._start()

    def end(self) -> None:
        """End it, politely first."""
        self.process.terminate()
        try:
            self.process.wait(END_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_simulator(*parameters: str, log_level: str = "info") -> Partner:
    """The simulator; parameters as ``name:=value``."""
    return Partner("wm_planner_sim.sim_node", ["--ros-args", *_words(parameters, log_level)])


def start_planner(
    *parameters: str,
    model: Path | None = None,
    image: str = "rgb",
    pose: str = "current_pose",
    command: str = "target_pose",
    name: str = "wm_planner",
    log_level: str = "info",
    output: Path | None = None,
) -> Partner:
    """The planner with the demo's settings, on the simulator's topics.

    Args:
        parameters: More parameters as ``name:=value``.
        model: Directory of the model; by default the embedded one.
        image: Topic of the camera.
        pose: Topic of the measured pose.
        command: Topic of the commands.
        name: Name of the node.
        log_level: From which level on it logs.
        output: File that takes what it prints.
    """
    share = Path(get_package_share_directory("wm_planner_sim"))
    directory = model or share / "models" / "franka_reach"
    remappings = [
        f"image:={image}",
        f"current_pose:={pose}",
        f"command:={command}",
        f"__node:={name}",
    ]
    return Partner(
        "wm_planner.node",
        [
            "--ros-args",
            *("--params-file", str(share / "config" / "demo.yaml")),
            *(word for remapping in remappings for word in ("-r", remapping)),
            *_words([f"model.directory:={directory}", *parameters], log_level),
        ],
        output,
    )


def _words(parameters: Sequence[str], log_level: str) -> list[str]:
    pairs = [word for parameter in parameters for word in ("-p", parameter)]
    return ["--log-level", log_level, *pairs]
