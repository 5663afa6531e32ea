"""Where a converted model may be written."""

from __future__ import annotations

from pathlib import Path

from wm_planner.conversion.errors import ConversionError
from wm_planner.models.spec import SPEC_FILE


def check_output(output: Path, force: bool) -> None:
    """Check that a model can be written to ``output``.

    Raises:
        ConversionError: It holds a model and ``force`` is false, holds something else, or its
            parent is no directory.
    """
    if not output.parent.is_dir():
        raise ConversionError(f"{output.parent} is no directory: make it first")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not (output / SPEC_FILE).is_file():
        raise ConversionError(f"{output} exists and holds no model: choose another output")
    if not force:
        raise ConversionError(
            f"{output} holds a model already: choose another output, or replace it with --force"
        )
