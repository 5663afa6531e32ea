"""The doctor's look at image files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from wm_planner.camera_contract import STOP
from wm_planner.cli.camera import Contract
from wm_planner.cli.report import Result, Section
from wm_planner.images import ImageFormatError, ImagePolicy, decode
from wm_planner.types import RgbImage


def read_image(path: Path, policy: ImagePolicy) -> RgbImage:
    """Decode a PNG or JPEG file as if it came from a camera.

    Raises:
        OSError: It cannot be read.
        ImageFormatError: It cannot be decoded.
    """
    data = path.expanduser().read_bytes()
    return decode(SimpleNamespace(format=path.suffix.lstrip(".").lower(), data=data), policy)


def examine_file(path: Path, contract: Contract) -> Section:
    """Decode a PNG or JPEG file as if it came from a camera, and hold it against the contract.

    Args:
        path: The file.
        contract: What it is held against.

    Returns:
        The section; a file that cannot be read or decoded is a finding, too.
    """
    section = Section(f"image {path}")
    try:
        image = read_image(path, contract.policy)
    except OSError as error:
        sentence = f"{path} cannot be read: {error.strerror or error}."
        section.results.append(Result("file", 1.0, 0.0, STOP, sentence))
        return section
    except ImageFormatError as error:
        section.results.append(Result("refused", 1.0, 0.0, STOP, str(error)))
        return section
    section.facts["size"] = f"{image.shape[1]}x{image.shape[0]}"
    section.results += contract.measure(contract.monitor(), image, live=False)
    section.notes += contract.notes()
    return section
