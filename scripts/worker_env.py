"""The environment of the worker: PyTorch and NumPy 2, without ROS."""

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
    """``.venv-worker``, whose interpreter scripts/env.sh names for the node."""

    def __init__(self, env: dict[str, str]) -> None:
        own = {k: v for k, v in env.items() if k != "PYTHONPATH"}  # it must not see ROS's packages
        super().__init__(ROOT / ".venv-worker", own)

    @property
    def complete(self) -> bool:
        """Whether an environment exists, of any version."""
        return self.python.exists() and bool(self.stamp("packages"))

    def make(self, wish: str, *, install: bool) -> Choice:
        """Make the environment, or what is missing of it; return the choice of PyTorch.

        Args:
            wish: Which PyTorch; empty for the one that fits the NVIDIA driver.
            install: Whether Debian packages may be installed.

        Raises:
            SetupError: A step failed, or no PyTorch fits this machine.
        """
        low, high = PYTHONS
        if not low <= sys.version_info[:2] <= high:
            raise SetupError(
                f"This is Python {dotted(sys.version_info[:2])}; the worker needs {dotted(low)} to "
                f"{dotted(high)}. Use another one: make worker PYTHON=python3.12"
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
            worked = self.make_venv(made_from, "for the worker: PyTorch and NumPy 2, no ROS")
            if due := self.packages_due(["base", "worker", torch]):
                self.install(due, "Installing PyTorch and the worker's other packages")
                self.set_stamp("packages", due)
                worked = True
        if worked:
            print(f"Ready after {time.monotonic() - start:.0f} s. Log: {relative(self.log)}")
        return choice

    def announce(self, choice: Choice) -> None:
        """Print which PyTorch is used, and the size of its download if it is not installed."""
        build = choice.build
        pins = (REQUIREMENTS / f"{build.requirements}.txt").read_text()
        pin = re.search(r"^torch==(\S+)", pins, re.MULTILINE)
        use = f"built for CUDA {build.cuda[0]}" if choice.gpu else "on the CPU"
        print(f"    {choice.reason}: PyTorch {pin[1] if pin else ''}, {use}.")
        if build.requirements in (self.stamp("packages") or {}):
            return
        print(f"    Up to {build.download} GB to download, {build.disk} GB on disk.")
        if not choice.gpu:
            print(f"    This is the build for CUDA. A build for the CPU alone takes {CPU_BUILD};")
            print("    set PIP_INDEX_URL to an index that has it.")

    def check(self, choice: Choice, env: dict[str, str], *, built: bool) -> None:
        """Check both interpreters with a plan; without a workspace only the worker's.

        Raises:
            SetupError: The check failed.
        """
        driver = choice.reason if choice.gpu else ""
        if built:
            arguments = ["-m", "wm_planner.worker.check", "--driver", driver]
            script = f'. "{ROOT}/scripts/env.sh" && exec python "$@"'
            command = ["bash", "-c", script, "bash", *arguments, str(MODEL)]
            # The check must use this environment, whatever the shell's variable says.
            env = {**env, "WM_PLANNER_WORKER_PYTHON": str(self.python)}
        else:
            command = [str(self.python), "-m", "wm_planner.worker_process", "--check", driver]
            env = {**self.env, "PYTHONPATH": str(PACKAGE)}
        print(flush=True)
        if subprocess.run(command, env=env).returncode:
            raise SetupError("The check of the worker failed: see above.")
        if not built:
            print("\nTo check the node too, with a plan: make build worker")
