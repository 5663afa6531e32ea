"""Goals stored by name: a picture, and beside it the robot's state, in one directory."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import cv2
import numpy as np

from wm_planner.control import Code, Refused
from wm_planner.worker import Picture

SUFFIXES = (".png", ".jpg", ".jpeg")
NAME = re.compile(r"[A-Za-z0-9_-]+")


def read_picture(path: Path) -> Picture:
    """A PNG or JPEG file as RGB, uint8 (height, width, 3).

    Raises:
        Refused: There is no such file, or it is no picture.
    """
    if not path.is_file():
        raise Refused(Code.INVALID_GOAL, f"there is no file {path} on the planner's machine")
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise Refused(Code.IMAGE_FORMAT, f"{path} is not a readable picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.uint8)


class GoalLibrary:
    """Reads and writes stored goals: ``<name>.png`` (or JPEG) and ``<name>.json`` with the state.

    Args:
        directory: Where they lie; empty: there is no library.
    """

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory).expanduser() if directory else None

    @property
    def directory(self) -> Path:
        """Where the goals lie.

        Raises:
            Refused: No directory is set.
        """
        if self._directory is None:
            raise Refused(
                Code.INVALID_GOAL, "there are no stored goals: set the parameter goals.directory"
            )
        return self._directory

    def names(self) -> list[str]:
        """The stored goals, in alphabetical order."""
        return sorted(self._pictures())

    def load(self, name: str) -> tuple[Picture, dict[str, float]]:
        """A goal's picture, uint8 (height, width, 3), and the state stored with it, by name.

        Raises:
            Refused: It is not there, or cannot be read.
        """
        # Compared with what is there, so that no name can lead out of the directory.
        pictures = self._pictures()
        if name not in pictures:
            raise Refused(
                Code.INVALID_GOAL,
                f"no stored goal '{name}' in {self.directory}; there are: "
                f"{', '.join(sorted(pictures)) or 'none'}",
            )
        picture, state = read_picture(pictures[name]), self.directory / f"{name}.json"
        try:
            values = json.loads(state.read_text())["proprio"] if state.is_file() else {}
            return picture, {str(key): float(value) for key, value in values.items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Refused(
                Code.INVALID_GOAL,
                f"{state} is no stored state ({error!r}): save the goal again, or delete the file",
            ) from error

    def save(
        self, name: str, picture: Picture, proprio: dict[str, float], *, overwrite: bool
    ) -> Path:
        """Store a goal.

        Args:
            name: Letters, digits, ``-`` and ``_``.
            picture: RGB, uint8 (height, width, 3).
            proprio: State by name, in the spec's units; empty: none.
            overwrite: Replace a goal of this name.

        Returns:
            The picture's file.

        Raises:
            Refused: The name is bad or taken, or the directory cannot be written to.
        """
        if not NAME.fullmatch(name):
            raise Refused(
                Code.INVALID_GOAL, f"'{name}' is no name: use letters, digits, '-' and '_'"
            )
        old = self._pictures().get(name)
        if old and not overwrite:
            raise Refused(
                Code.INVALID_GOAL,
                f"{old} exists: set overwrite to replace it, or choose another name",
            )
        path, state = self.directory / f"{name}.png", self.directory / f"{name}.json"
        written, png = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        assert written, "OpenCV encodes every 8-bit picture"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            state.unlink(missing_ok=True)  # an old state with a new picture would be a wrong goal
            _write(path, png.tobytes())
            if proprio:
                _write(state, json.dumps({"proprio": proprio}).encode())
            if old and old != path:
                old.unlink()
        except OSError as error:
            raise Refused(Code.INVALID_GOAL, f"goal '{name}' cannot be stored: {error}") from error
        return path

    def _pictures(self) -> dict[str, Path]:
        return {
            path.stem: path
            for path in sorted(self.directory.glob("*"))
            if path.suffix.lower() in SUFFIXES
        }


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(data)
    os.replace(partial, path)
