"""The path to this folder's helpers, and the files that all pages share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from documented_files import Files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What the pages take for granted: models, images, recordings."""
    return Files(tmp_path_factory.mktemp("documented"))
