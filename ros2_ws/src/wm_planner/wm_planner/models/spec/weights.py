"""The weight files that ``model.yaml`` names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from wm_planner.message_limits import MAX_NAME
from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.file import SPEC_FILE
from wm_planner.models.spec.numbers import check
from wm_planner.text import listed, quoted

MAX_FILES = 100


@dataclass
class WeightsFile:
    """A weight file beside ``model.yaml``.

    Attributes:
        sha256: SHA-256 of the file, as ``sha256sum`` prints it; empty only before it is written.
        file: Its name.
    """

    sha256: str
    file: str = "weights.safetensors"

    def __post_init__(self) -> None:
        check(self, "weights")
        if not re.fullmatch("[0-9a-f]{0,64}", self.sha256):
            raise SpecError(
                "weights.sha256 must be 64 hexadecimal digits, as sha256sum prints, not "
                f"{quoted(self.sha256)} (file {quoted(self.file)})"
            )
        if self.file in ("", ".", "..") or "/" in self.file or len(self.file) > MAX_NAME:
            raise SpecError(
                f"weights.file must be the name of a file beside {SPEC_FILE}, not "
                f"{quoted(self.file)}"
            )


def check_files(files: Sequence[WeightsFile]) -> None:
    """Check that a model's weight files are different ones, and not too many.

    Raises:
        SpecError: They are not.
    """
    names = [part.file for part in files]
    if len(names) > MAX_FILES:
        raise SpecError(f"the model has {len(names)} weight files; at most {MAX_FILES} are read")
    if len(set(names)) < len(names):
        raise SpecError(f"weights and more_weights ({listed(names)}) name a file twice")
