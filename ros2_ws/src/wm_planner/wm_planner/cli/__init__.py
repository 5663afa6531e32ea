"""The command-line program ``wm-planner``."""

from wm_planner.cli.program import main

__all__ = ["main"]
