"""Formats of ``model.yaml``, and how an older one becomes the newest.

To change the fields, add a function to ``MIGRATIONS`` that turns the mapping of the newest format
into the next one, and keep a file of the older format in the tests. The functions work on
unchecked mappings: what they do not understand, they leave for the checks of the fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wm_planner.models.spec.errors import SpecError
from wm_planner.text import one_line

Content = dict[str, Any]
"""The mapping in ``model.yaml``."""


def _name_the_training_command_line(content: Content) -> None:
    """Rename ``training.command``: elsewhere a command is a message to the arm."""
    training = content.get("training")
    if isinstance(training, dict) and "command" in training:
        training.setdefault("command_line", training.pop("command"))


MIGRATIONS: dict[int, Callable[[Content], None]] = {
    1: _name_the_training_command_line,
}
"""Per format, the function that changes a mapping of it, in place, into the next format."""

FORMAT = max(MIGRATIONS) + 1
"""The newest format, which this version writes."""


def migrate(content: Content) -> None:
    """Change a mapping of any known format, in place, into the newest one.

    Raises:
        SpecError: The format is missing, is not a whole number, or is unknown.
    """
    number = content.get("format")
    if number is None:
        raise SpecError(
            f"format is missing: write 'format: {FORMAT}' if you wrote the file by hand for this "
            "version of wm_planner, otherwise export the model again"
        )
    if type(number) is not int:
        raise SpecError(
            f"format must be a whole number such as {FORMAT}, not {one_line(repr(number), 60)}"
        )
    if number > FORMAT:
        raise SpecError(
            f"format {one_line(str(number), 20)} is newer than {FORMAT}, the newest that this "
            "version of wm_planner reads: update wm_planner, or export the model with this version"
        )
    if number < min(MIGRATIONS):
        raise SpecError(
            f"format {one_line(str(number), 20)} does not exist: the oldest is {min(MIGRATIONS)}"
        )
    for older in range(number, FORMAT):
        MIGRATIONS[older](content)
    content["format"] = FORMAT
