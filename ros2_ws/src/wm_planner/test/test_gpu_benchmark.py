"""The parts of the GPU benchmark can be started; where there is no GPU, they compute on the CPU."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from wm_planner.planning import captured

BENCHMARKS = Path(__file__).parents[4] / "benchmarks"
PARTS = sorted(p.stem for p in (BENCHMARKS / "gpu").glob("*.py") if p.stem not in ("__init__",))
STUCK = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print("a row", flush=True)
time.sleep(3600)
"""
"""A part that does not end when it is asked to, beside a busy process that it started."""


def python(*arguments: str, code: int = 0) -> str:
    path = os.pathsep.join([str(BENCHMARKS), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


def measured(part: str, folder: Path) -> list[dict[str, Any]]:
    """Run a part with toy sizes and return the rows that it has written."""
    said = python(str(BENCHMARKS / "gpu/run.py"), "--toy", "--only", part, "--out", str(folder))
    report = (folder / "results.md").read_text()
    assert said == report
    rows: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())[part]
    assert [row for row in rows if "error" in row] == []
    assert report.count("\n| ") == len(rows) + 1  # the head
    return rows


@pytest.mark.slow
def test_every_part_can_be_imported() -> None:
    python("-c", "; ".join(f"import gpu.{name}" for name in PARTS))


@pytest.mark.slow
def test_parity_with_both_reference_runs_in_every_precision(tmp_path: Path) -> None:
    rows = measured("parity", tmp_path)
    precisions = ["float32", "tf32", "bfloat16", "float16"]
    found = [(row["model"], row["precision"]) for row in rows]
    assert found == [(model, p) for model in ("LeWM", "DINO-WM") for p in precisions]
    for exact in rows[0], rows[4]:
        assert exact["error_of_the_rollout"] < 1e-5
        assert exact["error_of_the_costs"] < 1e-5
        assert exact["elites_in_common"] == 1


@pytest.mark.slow
def test_plans_are_timed_beside_their_forwards_and_upstreams(tmp_path: Path) -> None:
    upstream, exact, *others, whole = measured("plans", tmp_path)
    assert upstream["computation"] == "upstream's, float32"
    assert exact["computation"] == "float32, graphs"
    assert {"float16, compiled", "bfloat16, eager"} < {row["computation"] for row in others}
    assert (exact["elites_in_common"], exact["cost_of_plan"]) == (1, 1)
    for row in exact, *others:
        assert row["times_upstream"] == pytest.approx(upstream["plan"] / row["plan"])
        # On a busy machine a plan may take so long that the node's own is left out.
        assert min(row["over_bare"], row.get("online_over_bare", 1.0)) > 0
    assert (whole["budget"], whole["computation"]) == ("6x3", "bfloat16, compiled")
    assert whole["plan"] > 0


@pytest.mark.usefixtures("captures")
@pytest.mark.parametrize(("compute", "graphs"), [("eager", 0), ("graphs", 3)])
def test_plans_use_graphs_as_the_models_option_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, compute: str, graphs: int
) -> None:
    """Those of the encoder, of the candidates and of the last mean."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    report, plans, problems = map(
        importlib.import_module, ("gpu.report", "gpu.whole_plans", "dino_wm_plans")
    )
    made, capture = [], captured.capture
    monkeypatch.setattr(captured, "capture", lambda *a: (made.append(a), capture(*a))[1])
    given = report.Arguments(tmp_path, True, torch.device(device))
    model = given.dino_wm(compute=compute)
    with torch.inference_mode():
        cost = plans.Costs(model, problems.Problem.random(model.spec, given.device))
        plans.timed(plans.planner_of(model, 6, 2), cost)
    assert len(made) == graphs


@pytest.mark.slow
def test_the_workers_of_both_models_plan_on_an_idle_and_on_a_busy_cpu(tmp_path: Path) -> None:
    rows = measured("worker", tmp_path)
    assert [row["model"] for row in rows] == ["LeWM"] * 4 + ["DINO-WM"] * 4
    for start, *plans in rows[:4], rows[4:]:
        assert "random weights" in start["way"]
        assert [row["cpu"] for row in plans] == ["idle", "idle", "busy"]
        assert all(row["p99"] >= row["p50"] > row["planning_p50"] for row in plans)


@pytest.mark.slow
def test_a_worker_that_does_not_start_says_where_it_is(tmp_path: Path) -> None:
    code = "import gpu.worker, sys; gpu.worker.START = 0.5; sys.exit(gpu.worker.main())"
    said = python("-c", code, "--toy", "--out", str(tmp_path), code=1)
    assert "Fatal Python error: Aborted" in said
    for model in ("LeWM", "DINO-WM"):
        assert f"| {model} |" in said
    rows = json.loads((tmp_path / "results.json").read_text())["worker"]
    assert [("SIGABRT" in row["error"], row["model"]) for row in rows] == [
        (True, "LeWM"), (True, "DINO-WM")
    ]  # fmt: skip


@pytest.mark.slow
def test_a_part_that_hangs_is_stopped_and_its_lines_are_kept() -> None:
    """Nothing that it started stays, because that would keep its output open."""
    code = (
        "import sys; from gpu import run, worker; run.GRACE = 1.0; stuck = sys.argv[1];"
        "print('code', run.run([sys.executable, '-c', stuck, worker.BUSY], 15.0, print))"
    )
    assert python("-c", code, STUCK) == "a row\ncode -9\n"
