"""``encoder_file``: whether a weight file is the one that the model's encoder came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Result, judge
from wm_planner.diagnosis.examined import LoadedModel
from wm_planner.files.digest import file_sha256
from wm_planner.models.spec import ModelSpec


def compare_encoder(spec: ModelSpec, file: Path) -> Result:
    """Compare an encoder's weight file with the one that the model was converted with.

    Args:
        spec: The model's spec; ``source.encoder`` has the file's name and digest.
        file: The file that the training loaded, e.g. ``dinov2_vits14_pretrain.pth``.

    Raises:
        OSError: It cannot be read.
    """
    digest = file_sha256(file)
    recorded = spec.source.get("encoder", {})
    known = str(recorded.get("sha256", ""))
    return judge(
        "encoder_file",
        float(digest != known),
        0.0,
        OK if digest == known else STOP,
        f"The model's encoder came from {recorded['file']} (SHA-256 {known[:12]}…), but {file} has "
        f"{digest[:12]}…: convert the model again with the file that the training loaded."
        if known
        else "model.yaml does not record which file its encoder came from: convert the model again "
        "to record it.",
        f"SHA-256 {digest[:12]}…",
    )


def run(loaded: LoadedModel) -> Iterator[Result]:
    """Compare the encoder file given, if any."""
    if loaded.encoder_file is not None:
        yield compare_encoder(loaded.spec, loaded.encoder_file)


CHECK = Check(("encoder_file",), LoadedModel, run)
