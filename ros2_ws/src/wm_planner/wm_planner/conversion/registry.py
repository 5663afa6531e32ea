"""The families that can be converted: to add one, write a package like ``dino_wm`` or ``lewm``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wm_planner.conversion.dino_wm import convert as dino_wm
from wm_planner.conversion.dino_wm.training_run import looks_like_dino_wm
from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import Facts
from wm_planner.conversion.lewm import convert as lewm
from wm_planner.conversion.lewm.training_run import looks_like_lewm
from wm_planner.conversion.request import Converted, Request
from wm_planner.files.home import expanded


@dataclass(frozen=True)
class Converter:
    """Converts the trainings of one family.

    Attributes:
        recognizes: Decides from the files of a training whether it is of this family.
        convert: Converts it; raises what ``convert`` below raises.
    """

    recognizes: Callable[[Path], bool]
    convert: Callable[[Request, Facts], Converted]


CONVERTERS = (
    Converter(looks_like_dino_wm, dino_wm.convert),
    Converter(looks_like_lewm, lewm.convert),
)
"""The first that recognizes a training converts it."""


def convert(request: Request, facts: Facts) -> Converted:
    """Convert a training into a model directory.

    Args:
        request: The files.
        facts: What they do not say.

    Raises:
        ConversionError: No family recognizes the files, they contradict each other, or facts are
            missing.
        FileFormatError: A weight file is damaged or of another kind.
        DatasetError: The dataset or the statistics are unusable.
        SpecError: The facts are impossible.
        OSError: The output cannot be written.
    """
    run = expanded(request.run)
    for converter in CONVERTERS:
        if converter.recognizes(run):
            return converter.convert(request, facts)
    raise ConversionError(
        f"{run} is no training that is known: give the directory with hydra.yaml and checkpoints/ "
        "(DINO-WM), or a checkpoint or its directory (LeWM: weights.pt, *_object.ckpt, "
        "*_weights.ckpt)"
    )
