"""The SROS 2 policy of the planner has a rule for everything that a running node opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from ament_index_python.packages import get_package_share_directory

pytestmark = pytest.mark.dds
NODE = "wm_planner"
REMAPPED = {"/rgb": "/image", "/target_pose": "/command"}  # by start_planner
ACTION = "/_action/"


def _planner_s() -> dict[str, set[str]]:
    """The names that the planner's enclave may use, by rule."""
    share = Path(get_package_share_directory("wm_planner"))
    policy = ElementTree.parse(share / "config" / "security" / "policy.xml")
    rules: dict[str, set[str]] = {}
    for group in policy.findall(".//enclave[@path='/planner']/profiles/profile/*"):
        names = {(name.text or "").replace("~", f"/{NODE}") for name in group}
        for rule in group.attrib:
            rules.setdefault(rule, set()).update(f"/{name.lstrip('/')}" for name in names)
    return rules


def test_every_topic_service_and_action_of_the_node_has_a_rule(client: Any) -> None:
    rules = _planner_s()
    opened = {
        "publish": client.get_publisher_names_and_types_by_node(NODE, "/"),
        "subscribe": client.get_subscriber_names_and_types_by_node(NODE, "/"),
        "reply": client.get_service_names_and_types_by_node(NODE, "/"),
        "request": client.get_client_names_and_types_by_node(NODE, "/"),
    }
    missing = []
    for rule, found in opened.items():
        assert found or rule == "request"
        for name, _ in found:
            action, *part = name.split(ACTION)
            needed, name = ("execute", action) if part else (rule, REMAPPED.get(name, name))
            if name not in rules[needed]:
                missing.append((needed, name))
    assert missing == []
