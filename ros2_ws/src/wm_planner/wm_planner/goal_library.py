"""Goals stored by name in one directory: an image, and the proprio in a file beside it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import cv2

from wm_planner.control import ErrorCode, Refused
from wm_planner.images import ImageFormatError
from wm_planner.images.image_file import read_image_file
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.text import listed, quoted
from wm_planner.types import RgbImage

SUFFIXES = (".png", ".jpg", ".jpeg")
NAME = re.compile(r"[A-Za-z0-9_-]+")
MAX_BYTES = 2**28  # of an image file; the largest image that is decoded fits uncompressed
UNUSABLE = (OSError, ValueError, RuntimeError)  # what impossible paths and files may raise


def read_image(file: str | Path) -> RgbImage:
    """Read a PNG or JPEG file as RGB, uint8 (height, width, 3), with the checks of a message.

    Args:
        file: Its path; ``~`` is the home directory of the user who runs the planner.

    Raises:
        Refused: There is no such file, or it is not an image.
    """
    try:
        path = Path(file).expanduser()
        if path.is_file() and path.stat().st_size <= MAX_BYTES:
            return read_image_file(path)
    except ImageFormatError as error:
        raise Refused(ErrorCode.IMAGE_FORMAT, f"{path} is not a readable image: {error}") from error
    except UNUSABLE as error:
        raise _refused(f"the file {quoted(str(file))} cannot be read", error) from error
    raise Refused(
        ErrorCode.INVALID_GOAL,
        f"there is no file {path} on the planner's machine, or it has more than {MAX_BYTES} bytes",
    )


class GoalLibrary:
    """Reads and writes stored goals: ``<name>.png`` (or JPEG), and ``<name>.json`` with proprio.

    Args:
        directory: The directory of the goals; empty if there is none.

    Raises:
        Refused: The directory is in the home of a user who does not exist.
    """

    def __init__(self, directory: str) -> None:
        try:
            self._directory = Path(directory).expanduser() if directory else None
        except RuntimeError as error:
            raise _refused(f"goals.directory {quoted(directory)} cannot be used", error) from error

    @property
    def directory(self) -> Path:
        """The directory of the goals.

        Raises:
            Refused: No directory is set.
        """
        if self._directory is None:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                "there are no stored goals: set the parameter goals.directory",
            )
        return self._directory

    def names(self) -> list[str]:
        """Return the first ``MAX_LIST`` names of the stored goals, in alphabetical order."""
        return sorted(self._images())[:MAX_LIST]

    def load(self, name: str) -> tuple[RgbImage, dict[str, float]]:
        """Return a goal's image, uint8 (height, width, 3), and its stored proprio by name.

        Raises:
            Refused: There is no such goal, or it cannot be read.
        """
        # Only names of existing goals are used, so that no name can lead out of the directory.
        images = self._images()
        if name not in images:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"no stored goal {quoted(name)} in {self.directory}; there are: "
                f"{listed(sorted(images))}",
            )
        image, file = read_image(images[name]), self.directory / f"{name}.json"
        try:
            values = json.loads(file.read_text())["proprio"] if file.is_file() else {}
            return image, {str(key): float(value) for key, value in values.items()}
        except (*UNUSABLE, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{file} has no valid proprio ({error!r}): save the goal again, or delete the file",
            ) from error

    def save(
        self, name: str, image: RgbImage, proprio: dict[str, float], *, overwrite: bool
    ) -> Path:
        """Store a goal.

        Args:
            name: Letters, digits, ``-`` and ``_``.
            image: RGB, uint8 (height, width, 3).
            proprio: Proprio by name, in the spec's units; empty if there is none.
            overwrite: Replace a goal of this name.

        Returns:
            The image's file.

        Raises:
            Refused: The name is bad or taken, or the directory cannot be written to.
        """
        if len(name) > MAX_NAME or not NAME.fullmatch(name):
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{quoted(name)} is not a name: use up to {MAX_NAME} letters, digits, '-' and '_'",
            )
        old = self._images().get(name)
        if old and not overwrite:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{old} exists: set overwrite to replace it, or choose another name",
            )
        path, proprio_file = self.directory / f"{name}.png", self.directory / f"{name}.json"
        written, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        assert written, "OpenCV encodes every 8-bit image"
        files = {path: png.tobytes()}
        if proprio:
            files[proprio_file] = json.dumps({"proprio": proprio}).encode()
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            _replace(files, proprio_file)
            if old and old != path:
                old.unlink()
        except UNUSABLE as error:
            raise _refused(f"goal '{name}' cannot be stored", error) from error
        return path

    def _images(self) -> dict[str, Path]:
        directory = self.directory
        try:
            return {
                path.stem: path
                for path in sorted(directory.glob("*"))
                if path.suffix.lower() in SUFFIXES and path.stem.isprintable()
            }
        except UNUSABLE as error:
            raise _refused("goals.directory cannot be read", error) from error


def _refused(what: str, error: Exception) -> Refused:
    return Refused(ErrorCode.INVALID_GOAL, f"{what}: {error}")


def _replace(files: dict[Path, bytes], outdated: Path) -> None:
    """Replace files only after all were written, so that a full disk changes nothing."""
    partial = {path: path.with_name(path.name + ".part") for path in files}
    try:
        for path, data in files.items():
            partial[path].write_bytes(data)
        outdated.unlink(missing_ok=True)  # old proprio with a new image would be a wrong goal
        for path in files:
            os.replace(partial[path], path)
    finally:
        for path in partial.values():
            path.unlink(missing_ok=True)
