"""The doctor's section on an image file."""

from __future__ import annotations

from pathlib import Path

from wm_planner.cli.report import Section
from wm_planner.diagnosis.camera_examiner import CameraExaminer, irregular_result
from wm_planner.diagnosis.check_result import STOP, Result
from wm_planner.images import ImageFormatError
from wm_planner.images.image_file import read_image_noting


def examine_image(path: Path, camera: CameraExaminer) -> Section:
    """Decode a PNG or JPEG file and compare it with the training's images.

    Args:
        path: The file.
        camera: Compares the image.

    Returns:
        The section; a file that cannot be read or decoded is a result, too.
    """
    section = Section(f"image {path}")
    try:
        decoded = read_image_noting(path, camera.policy)
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror or error}."
        section.add(Result("file", 1.0, 0.0, STOP, sentence))
        return section
    except ImageFormatError as error:
        section.add(Result("refused", 1.0, 0.0, STOP, str(error)))
        return section
    image = decoded.image
    section.facts["size"] = f"{image.shape[1]}x{image.shape[0]}"
    section.results += irregular_result(decoded.sentence)
    section.results += camera.measure(camera.monitor(), image, live=False)
    section.notes += camera.notes()
    return section
