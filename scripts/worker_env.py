"""The environment of the planner's process: PyTorch and NumPy 2, without ROS."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from environment import REQUIREMENTS, ROOT, Environment, SetupError, dotted, have_module, relative
from torch_choice import Choice, choose, find_driver, has_card

PYTHONS = ((3, 10), (3, 13))  # first and last that requirements/ has versions for
PACKAGE = ROOT / "ros2_ws" / "src" / "wm_planner"
MODEL = ROOT / "ros2_ws" / "src" / "wm_planner_sim" / "models" / "franka_reach"
CPU_BUILD = "0.3 GB and 1.2 GB"


class WorkerEnvironment(Environment):
    """``.venv-worker``, which scripts/env.sh gives to the node."""

    def __init__(self, env: dict[str, str]) -> None:
        own = {k: v for k, v in env.items() if k != "PYTHONPATH"}  # ROS's packages are not its own
        super().__init__(ROOT / ".venv-worker", own)

    @property
    def complete(self) -> bool:
        """Whether an environment is there, of whatever version."""
        return self.python.exists() and bool(self.stamp("packages"))

    def make(self, wish: str, *, install: bool) -> Choice:
        """Makes it, or what of it is missing.

        Args:
            wish: Which PyTorch; empty: as the NVIDIA driver wants it.
            install: Whether Debian packages may be installed.
        """
        low, high = PYTHONS
        if not low <= sys.version_info[:2] <= high:
            raise SetupError(
                f"This is Python {dotted(sys.version_info[:2])}; the worker needs {dotted(low)} to "
                f"{dotted(high)}. Name another one: make worker PYTHON=python3.12"
            )
        try:
            choice = choose(find_driver(), wish, card=has_card())
        except ValueError as error:
            raise SetupError(str(error)) from None
        start = time.monotonic()
        with self.locked():
            self.require([] if have_module("ensurepip") else ["python3-venv"], install=install)
            self.announce(choice)
            torch = choice.build.requirements
            made_from = [str(ROOT), sys.base_prefix, dotted(sys.version_info[:2]), torch]
            worked = self.make_venv(made_from, "the worker: PyTorch and NumPy 2, no ROS")
            if due := self.packages_due(["base", "worker", torch]):
                self.install(due, "Installing PyTorch and what the worker needs")
                self.set_stamp("packages", due)
                worked = True
        if worked:
            print(f"Ready after {time.monotonic() - start:.0f} s. Log: {relative(self.log)}")
        return choice

    def announce(self, choice: Choice) -> None:
        """Says which PyTorch it will be, and before a long download how much that is."""
        build = choice.build
        pins = (REQUIREMENTS / f"{build.requirements}.txt").read_text()
        pin = re.search(r"^torch==(\S+)", pins, re.MULTILINE)
        use = f"built for CUDA {build.cuda[0]}" if choice.gpu else "on the CPU"
        print(f"    {choice.reason}: PyTorch {pin[1] if pin else ''}, {use}.")
        if build.requirements in (self.stamp("packages") or {}):
            return
        print(f"    Up to {build.download} GB to download, {build.disk} GB on disk.")
        if not choice.gpu:
            print(f"    That is the build for CUDA. One for the CPU alone takes {CPU_BUILD}:")
            print("    pip takes it from an index that has it, which PIP_INDEX_URL can name.")

    def check(self, choice: Choice, env: dict[str, str], *, built: bool) -> None:
        """Shows both sides and plans across them; without a workspace only the worker's side."""
        driver = choice.reason if choice.gpu else ""
        arguments = ["-m", "wm_planner.worker.check", "--driver", driver]
        if built:
            script = f'. "{ROOT}/scripts/env.sh" && exec python "$@"'
            command = ["bash", "-c", script, "bash", *arguments, str(MODEL)]
            # This environment, whatever the shell's variable names.
            env = {**env, "WM_PLANNER_WORKER_PYTHON": str(self.python)}
        else:
            command = [str(self.python), *arguments, "--worker-only"]
            env = {**self.env, "PYTHONPATH": str(PACKAGE)}
        print(flush=True)
        if subprocess.run(command, env=env).returncode:
            raise SetupError("The check found the worker unfit: see above.")
        if not built:
            print("\nFor the node's side and a plan across both: make build worker")
