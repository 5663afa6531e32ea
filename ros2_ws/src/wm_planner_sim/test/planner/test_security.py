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


def _opened(client: Any) -> set[tuple[str, str]]:
    """The rule and the name of all that nodes of the planner's name have opened, by DDS's topics.

    The graph's answers by node would be those of one node only, even of one that has just died.
    """
    opened = set()
    for topic, _ in client.get_topic_names_and_types(no_demangle=True):
        kind, name = topic[:2], topic[2:]
        ends = (
            (client.get_publishers_info_by_topic, {"rt": "publish", "rq": "request"}),
            (client.get_subscriptions_info_by_topic, {"rt": "subscribe", "rq": "reply"}),
        )
        for infos, rules in ends:
            if kind not in rules or NODE not in {i.node_name for i in infos(topic, no_mangle=True)}:
                continue
            name, *action = name.removesuffix("Request").split("/_action/")
            opened.add(("execute" if action else rules[kind], REMAPPED.get(name, name)))
    return opened


SOME = {
    ("publish", "/command"),
    ("subscribe", "/image"),
    ("subscribe", "/current_pose"),
    ("reply", f"/{NODE}/stop"),
    ("reply", f"/{NODE}/set_parameters"),
    ("execute", f"/{NODE}/reach_goal"),
}
"""A part of what the node opens."""


def test_every_topic_service_and_action_of_the_node_has_a_rule(client: Any) -> None:
    rules = _planner_s()
    client.spin_until(lambda: _opened(client) >= SOME)  # discovered
    opened = _opened(client)
    assert [(rule, name) for rule, name in sorted(opened) if name not in rules[rule]] == []
