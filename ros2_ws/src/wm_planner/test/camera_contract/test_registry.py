"""Every check has a file, a setting with its default severity, and a line in the docs."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from pkgutil import iter_modules

import pytest

from wm_planner.camera_contract import OFF, STOP, WARN, checks
from wm_planner.camera_contract.registry import CHECKS
from wm_planner.config import CameraConfig, Config, ConfigError, changed, compose

REPOSITORY = Path(__file__).parents[5]
FILES = Path(__file__).parents[2] / "config"


def test_every_file_of_a_check_has_a_setting_and_every_setting_a_file() -> None:
    assert {module.name for module in iter_modules(checks.__path__)} == set(CHECKS)


def test_every_default_is_a_severity() -> None:
    assert set(asdict(CameraConfig()).values()) <= {STOP, WARN, OFF}


def test_checks_are_explained_by_checks_that_exist() -> None:
    assert {name for check in CHECKS.values() for name in check.explained_by} <= set(CHECKS)


def test_docs_have_a_row_for_every_check_with_its_default_severity() -> None:
    text = (REPOSITORY / "docs" / "how-to" / "images.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (stop|warn|off) \|$", text, re.MULTILINE)
    assert rows == list(asdict(CameraConfig()).items())


def test_unknown_severities_and_checks_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"camera\.black"):
        changed(Config(), {"camera.black": "halt"})
    with pytest.raises(ConfigError, match="blue"):
        compose(FILES, overrides=["camera.blue=stop"])
