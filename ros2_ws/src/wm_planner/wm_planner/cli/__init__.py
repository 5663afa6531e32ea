"""The command-line program ``wm-planner``."""

from wm_planner.cli.program import main, program

__all__ = ["main", "program"]
