"""Files of the repository that pages are made from and that are not part of this package."""

from __future__ import annotations

from pathlib import Path

REPOSITORY = (Path(__file__).resolve().parent / "../../../../..").resolve()
"""The checkout; links of a build with ``--symlink-install`` lead to it."""
MESSAGES = "ros2_ws/src/wm_planner_msgs"
FAULTS = "docs/explanation/faults.md"
EXAMPLE_MODEL = "ros2_ws/src/wm_planner_sim/models/franka_reach/model.yaml"
PROGRAMS = {
    "planner_node": "ros2_ws/src/wm_planner/wm_planner/node.py",
    "cockpit": "ros2_ws/src/wm_planner/wm_planner/cockpit/program.py",
}
"""Source files of the ROS executables, which only ROS can import."""


class SourceError(ValueError):
    """A file that a page is made from is missing, or is not written as expected."""


def read(name: str) -> str:
    """Return the text of a file, whose name is relative to the repository.

    Raises:
        SourceError: It cannot be read.
    """
    path = REPOSITORY / name
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror or error}): generate the pages in a checkout "
            "of the repository"
        ) from error


def names(folder: str, pattern: str) -> list[str]:
    """Return the names of the files in a folder that match a pattern, sorted.

    Raises:
        SourceError: There is none.
    """
    found = sorted(path.name for path in (REPOSITORY / folder).glob(pattern))
    if not found:
        raise SourceError(
            f"{REPOSITORY / folder} has no {pattern}: generate the pages in a checkout of the "
            "repository"
        )
    return found
