"""The list of commands: each has help, which is printed without torch and rclpy."""

from __future__ import annotations

import subprocess
import sys

from wm_planner.cli.program import COMMANDS

ALL_HELP = """
import contextlib, sys
from wm_planner.cli import main
from wm_planner.cli.program import COMMANDS
for words in [[], *([name] for name in COMMANDS)]:
    with contextlib.suppress(SystemExit):
        main([*words, "--help"])
sys.exit(len({"torch", "rclpy"} & set(sys.modules)))
"""


def test_help_of_every_command_needs_neither_torch_nor_rclpy() -> None:
    done = subprocess.run([sys.executable, "-c", ALL_HELP], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name, (_, line) in COMMANDS.items():
        assert line in done.stdout
        assert f"usage: wm-planner {name} " in done.stdout
