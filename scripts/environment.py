"""A virtual environment, made in steps that each leave a stamp of what they were made from."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"


class SetupError(Exception):
    """A failed step; the message says what to do."""


class Environment:
    """A virtual environment, with the steps that all environments need.

    Args:
        venv: Its folder.
        env: The environment variables of its commands.
    """

    constraints: tuple[Path, ...] = (REQUIREMENTS / "constraints.txt",)

    def __init__(self, venv: Path, env: dict[str, str]) -> None:
        self.venv, self.env = venv, env
        self.python = venv / "bin" / "python"
        self.stamps = venv / "setup.json"
        self.log = venv / "setup.log"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Wait until no other process sets up this environment, and keep others waiting."""
        self.venv.mkdir(exist_ok=True)
        with open(self.venv / "setup.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def require(self, packages: list[str], *, install: bool, note: str = "") -> None:
        """Install missing Debian packages.

        Raises:
            SetupError: They may not or cannot be installed; the message has the command for it.
        """
        if not packages:
            return
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        by_hand = shlex.join([*sudo, "apt-get", "install", "-y", *packages])
        hint = f"Run this, then run make again:\n    {by_hand}{note}"
        may = install and (not sudo or runs(["sudo", "-n", "true"]))
        if not (may and shutil.which("apt-get")):
            raise SetupError(f"These system packages are missing: {' '.join(packages)}. {hint}")
        apt = ["sudo", "-n"] if sudo else []
        apt += ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
        self.step("Updating the list of system packages", [*apt, "update"], hint)
        self.step(f"Installing {' '.join(packages)}", [*apt, "install", "-y", *packages], hint)

    def make_venv(self, made_from: list[str], content: str, *options: str) -> bool:
        """Make the environment, anew if it was made from something else; return whether it was."""
        if self.stamp("venv") == made_from and self.python.exists():
            return False
        if self.stamp("venv") is not None:
            # `--clear` would delete this run's own log and lock.
            for folder in ("bin", "include", "lib", "share"):
                shutil.rmtree(self.venv / folder, ignore_errors=True)
            self.stamps.unlink()
        self.step(
            f"Making {relative(self.venv)} ({content})",
            [sys.executable, "-m", "venv", *options, str(self.venv)],
            f"Delete {relative(self.venv)} and run make again.",
        )
        self.set_stamp("venv", made_from)
        return True

    def packages_due(self, names: list[str]) -> dict[str, str]:
        """Return the files of requirements/ to install, with digests; empty if all is installed.

        Files installed for another target are included, so that pip keeps their packages
        compatible with what is added.
        """
        previous = self.stamp("packages")
        installed = previous if isinstance(previous, dict) else {}
        kept = [name for name in installed if (REQUIREMENTS / f"{name}.txt").exists()]
        wanted = {name: requirements_digest(name, self.constraints) for name in [*kept, *names]}
        return {} if wanted == installed else wanted

    def install(self, names: Iterable[str], title: str, *constraints: Path) -> None:
        """Install the packages of these files of requirements/."""
        command = [str(self.python), "-m", "pip", "install", "--no-input", "--progress-bar=off"]
        command += ["--disable-pip-version-check"]
        for file in (*self.constraints, *constraints):
            command += ["-c", str(file)]
        for name in names:
            command += ["-r", str(REQUIREMENTS / f"{name}.txt")]
        self.step(
            title,
            command,
            "The cause is most often the network or a package index: run make again to continue "
            "where it stopped.",
        )

    def step(self, title: str, command: list[str], hint: str, env: dict | None = None) -> None:
        """Run a command and log its output; show the time it takes.

        Raises:
            SetupError: The command failed; the end of the log was printed.
        """
        live = sys.stdout.isatty()
        start = time.monotonic()
        with open(self.log, "a") as log:
            print(f"\n### {title}\n$ {shlex.join(command)}", file=log, flush=True)
            position = log.tell()
            process = subprocess.Popen(
                command,
                env=env or self.env,
                cwd=ROOT / "ros2_ws",
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

    def stamp(self, name: str) -> Any:
        """Return what a step was made from; None if it was not made."""
        if not self.stamps.exists():
            return None
        return json.loads(self.stamps.read_text()).get(name)

    def set_stamp(self, name: str, value: Any) -> None:
        stamps = json.loads(self.stamps.read_text()) if self.stamps.exists() else {}
        stamps[name] = value
        self.stamps.write_text(json.dumps(stamps, indent=1))


def requirements_digest(name: str, constraints: Iterable[Path] = Environment.constraints) -> str:
    """Return the digest of a file in requirements/, those it includes, and the constraints."""
    files, due = [*constraints], [REQUIREMENTS / f"{name}.txt"]
    while due:
        files.append(due.pop())
        lines = files[-1].read_text().splitlines()
        due += [REQUIREMENTS / line[3:].strip() for line in lines if line.startswith("-r ")]
    return digest(files)


def digest(files) -> str:
    sha = hashlib.sha256()
    for file in sorted(files):
        sha.update(f"{relative(file)}\0".encode() + file.read_bytes() + b"\0")
    return sha.hexdigest()


def have_module(name: str, python: str | Path = sys.executable, env: dict | None = None) -> bool:
    return runs([str(python), "-c", f"import {name}"], env)


def runs(command: list[str], env: dict | None = None) -> bool:
    return subprocess.run(command, env=env, capture_output=True).returncode == 0


def dotted(version: tuple) -> str:
    return ".".join(map(str, version))


def relative(path: Path) -> str:
    return os.path.relpath(path, ROOT)
