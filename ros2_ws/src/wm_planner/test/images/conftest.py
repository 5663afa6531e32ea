"""Own conversion or cv_bridge, as a test needs it; and the path to the oracle's module."""

import sys
from pathlib import Path

import pytest

from wm_planner.images import bridge

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def own_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """Convert every image with the package's own code."""
    monkeypatch.setattr(bridge, "to_rgb", lambda *_: None)


@pytest.fixture(params=["cv_bridge", "own code"])
def either_conversion(request: pytest.FixtureRequest) -> None:
    """Run the test with the installed cv_bridge and with own code."""
    if request.param == "own code":
        request.getfixturevalue("own_conversion")
