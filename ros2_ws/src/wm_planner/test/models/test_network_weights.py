"""Sizes that the weights do not have are refused before memory is taken for them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODEL = Path(__file__).parents[3] / "wm_planner_sim" / "models" / "franka_reach"
MEMORY = 32 * 2**30
LOAD = """
import json, resource, sys
from dataclasses import replace
from pathlib import Path
from wm_planner.models import load_spec
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.loading import WeightsError
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]),) * 2)  # or the machine would be out of it
spec = load_spec(sys.argv[1])
try:
    LatentWorldModel(
        replace(spec, architecture={**spec.architecture, **json.loads(sys.argv[2])}),
        Path(sys.argv[1]) / spec.weights.file,
    )
except WeightsError as error:
    print(error)
"""


@pytest.mark.parametrize(
    "sizes", [{"width": 16384}, {"hidden": 16384, "maps": 16384}, {"decoder_width": 16384}]
)
def test_networks_that_no_memory_holds_are_refused_with_a_sentence(sizes: dict[str, Any]) -> None:
    words = [sys.executable, "-c", LOAD, str(MODEL), json.dumps(sizes), str(MEMORY)]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "does not fit the architecture in model.yaml" in found.stdout, found.stderr
    assert len(found.stdout) < 1000
