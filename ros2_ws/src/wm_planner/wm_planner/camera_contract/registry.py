"""The list of all checks: each setting ``camera.NAME`` has its check in ``checks/NAME.py``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from types import MappingProxyType

from wm_planner.camera_contract import checks
from wm_planner.camera_contract.check import Check
from wm_planner.config import CameraConfig


def _check(name: str) -> Check:
    check: Check = import_module(f"{checks.__name__}.{name}").CHECK
    return check


CHECKS: Mapping[str, Check] = MappingProxyType(
    {setting.name: _check(setting.name) for setting in fields(CameraConfig)}
)
"""Every check by name, in the order of ``CameraConfig``, which holds the default severities."""
