"""Encoder files that are not the one of the conversion."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from wm_planner.diagnosis.checks.encoder_file import compare_encoder
from wm_planner.models.spec import ModelSpec


def test_another_encoder_file_than_the_recorded_is_named(spec: ModelSpec, tmp_path: Path) -> None:
    file = tmp_path / "dinov2_vits14_pretrain.pth"
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    recorded = replace(spec, source={"encoder": {"file": file.name, "sha256": digest}})
    assert compare_encoder(recorded, file).verdict == "ok"
    file.write_bytes(b"others")
    found = compare_encoder(recorded, file)
    assert found.verdict == "stop"
    assert digest[:12] in found.sentence
    assert "convert the model again" in compare_encoder(spec, file).sentence
