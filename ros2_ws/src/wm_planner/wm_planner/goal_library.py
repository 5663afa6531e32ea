"""Goals stored by name in one directory, each in one PNG: the image, and in a text the proprio."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import cv2

from wm_planner.control import ErrorCode, Refused
from wm_planner.files.home import expanded
from wm_planner.files.regular import read_regular
from wm_planner.files.whole import write_whole
from wm_planner.images import ImageFormatError, png
from wm_planner.images.image_file import MAX_BYTES, decode_file
from wm_planner.message_limits import MAX_LIST, MAX_NAME
from wm_planner.text import listed, quoted
from wm_planner.types import RgbImage

SUFFIXES = (".png", ".jpg", ".jpeg")
NAME = re.compile(r"[A-Za-z0-9_-]+")
MARK = "wm_planner goal"
"""Keyword of the PNG's text with the proprio; a file without it was not written here."""
UNUSABLE = (OSError, ValueError, RuntimeError)  # what impossible paths and files may raise


def read_image(file: str | Path) -> RgbImage:
    """Read a PNG or JPEG file as RGB, uint8 (height, width, 3), with the checks of a message.

    Args:
        file: Its path; ``~`` is the home directory of the user who runs the planner.

    Raises:
        Refused: There is no such file, or it is not an image.
    """
    return _read(Path(file))[0]


class GoalLibrary:
    """Reads and writes stored goals: ``<name>.png``, or a JPEG that somebody put there.

    Args:
        directory: The directory of the goals, which is made if it does not exist; empty if there
            is none.

    Raises:
        Refused: It cannot be made, or is no directory.
    """

    def __init__(self, directory: str) -> None:
        self._directory = None
        try:
            if directory:
                self._directory = expanded(directory)
                self._directory.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise Refused(
                ErrorCode.INVALID_GOAL, f"goals.directory {quoted(directory)} is no directory"
            ) from error
        except UNUSABLE as error:
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
        image, data = _read(images[name])
        try:
            values = json.loads(png.read_text(data, MARK) or "{}")
            return image, {str(key): float(value) for key, value in values.items()}
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{images[name]} has no valid proprio: save the goal again, or delete the file",
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
        path = self.directory / f"{name}.png"
        if old and not _was_stored_here(old):
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"{old} was not stored by save_goal, so it is not replaced: choose another name",
            )
        try:
            written, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            assert written, "OpenCV encodes every 8-bit image"
            write_whole(path, png.add_text(data.tobytes(), MARK, json.dumps(proprio)))
        except UNUSABLE as error:
            raise _refused(f"goal '{name}' cannot be stored", error) from error
        return path

    def _images(self) -> dict[str, Path]:
        directory = self.directory
        if not directory.is_dir():
            raise Refused(
                ErrorCode.INVALID_GOAL,
                f"goals.directory {quoted(str(directory))} is gone: make or mount it again",
            )
        try:
            return {
                path.stem: path
                for path in sorted(directory.glob("*"))
                if path.suffix.lower() in SUFFIXES and path.stem.isprintable()
            }
        except UNUSABLE as error:
            raise _refused("goals.directory cannot be read", error) from error


_DAMAGED = "it is no PNG or JPEG, or it is damaged: copy it again"
_PROBLEMS = {
    "codec": _DAMAGED,
    "damaged": _DAMAGED,
    "length": _DAMAGED,
    "size": "it has too many pixels: scale it down",
}
"""Sentences on an image file by ``ImageFormatError.reason``."""


def _refused(what: str, error: Exception) -> Refused:
    reason = getattr(error, "strerror", None) or error
    if getattr(error, "errno", None) == errno.EFBIG:
        reason = f"it has more than {MAX_BYTES // 2**20} MiB"
    return Refused(ErrorCode.INVALID_GOAL, f"{what}: {reason}")


def _was_stored_here(path: Path) -> bool:
    try:
        return png.read_text(read_regular(path, MAX_BYTES), MARK) is not None
    except OSError:
        return False


def _read(file: Path) -> tuple[RgbImage, bytes]:
    """Return an image file's pixels and its content.

    Raises:
        Refused: There is no such file, or it is not an image.
    """
    try:
        path = expanded(file)
        data = read_regular(path, MAX_BYTES)
        return decode_file(path, data), data
    except ImageFormatError as error:
        # Whoever may name a file may not learn from the answer what is in it.
        problem = _PROBLEMS.get(error.reason, "its pixels are not 8-bit color: save it as RGB")
        raise Refused(
            ErrorCode.IMAGE_FORMAT, f"{quoted(str(file))} is not a usable image: {problem}"
        ) from error
    except FileNotFoundError as error:
        raise Refused(
            ErrorCode.INVALID_GOAL,
            f"there is no file {quoted(str(file))} on the planner's machine",
        ) from error
    except UNUSABLE as error:
        raise _refused(f"the file {quoted(str(file))} cannot be read", error) from error
