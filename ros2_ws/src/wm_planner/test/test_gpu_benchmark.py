"""The parts of the GPU benchmark can be started; where there is no GPU, they compute on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
PARTS = sorted(p.stem for p in (BENCHMARKS / "gpu").glob("*.py") if p.stem not in ("__init__",))


def python(*arguments: str) -> None:
    path = os.pathsep.join([str(BENCHMARKS), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_every_part_can_be_imported() -> None:
    python("-c", "; ".join(f"import gpu.{name}" for name in PARTS))


@pytest.mark.slow
def test_results_are_kept_line_by_line(tmp_path: Path) -> None:
    python(str(BENCHMARKS / "gpu/run.py"), "--toy", "--only", "parity", "--out", str(tmp_path))
    report = (tmp_path / "results.md").read_text()
    rows = json.loads((tmp_path / "results.json").read_text())["parity"]
    assert [row["precision"] for row in rows] == ["float32", "tf32", "bfloat16", "float16"]
    assert all(f"| {row['precision']} |" in report for row in rows)
    assert rows[0]["error_of_the_rollout"] < 1e-5
    assert "failed" not in report
