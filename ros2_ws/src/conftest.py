"""What the tests of both packages rely on, also beside other programs and after `make worker`."""

import os

import pytest

from wm_planner.cli import terminal_progress

os.environ.pop("WM_PLANNER_WORKER_PYTHON", None)  # the tests' own interpreter is their worker's


@pytest.fixture(autouse=True)
def short_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """No job takes so long that a log has a line on it, also on a busy machine."""
    monkeypatch.setattr(terminal_progress, "PATIENCE", 3600.0)
