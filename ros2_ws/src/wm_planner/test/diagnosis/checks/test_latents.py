"""An image as unusual as the most unusual one of the training is no finding, whatever rounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lewm_runs import EPISODES, PICKLED, convert_lewm
from recordings import change_spec

from wm_planner.models import load_spec

QUICK = ["planning.num_samples=16", "planning.num_elites=4", "planning.iterations=1"]


@pytest.mark.parametrize(("limit", "verdict"), [(1.0, None), (1 - 1e-7, None), (0.98, "warn")])
def test_the_limit(
    tmp_path: Path,
    findings: Callable[..., tuple[int, dict[str, dict[str, Any]]]],
    limit: float,
    verdict: str | None,
) -> None:
    output = tmp_path / "model"
    model = convert_lewm(PICKLED, output, dataset=EPISODES, calibrate=True).directory
    calibration = load_spec(model).calibration
    assert calibration is not None
    changed = replace(calibration, latent_limit=limit * calibration.latent_limit)
    strict = change_spec(model, tmp_path / "strict", calibration=changed)
    # Episode 1 has the most unusual image.
    words = ["--dataset", EPISODES, "--episode", "1", "--windows", "50", *QUICK]
    _, found = findings(strict, *words)
    assert found.get("latents", {}).get("verdict") == verdict
