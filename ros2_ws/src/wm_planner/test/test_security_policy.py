"""The SROS 2 policy knows every topic, service and action of the node, and keeps the roles apart.

``wm_planner_sim/test/planner/test_security.py`` compares it with a running node.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

PACKAGE = Path(__file__).parents[1]
POLICY = ElementTree.parse(PACKAGE / "config" / "security" / "policy.xml").getroot()
RULES = {
    "topics": ("publish", "subscribe"),
    "services": ("reply", "request"),
    "actions": ("execute", "call"),
}
OPPOSITE = {"publish": "subscribe", "reply": "request", "execute": "call"}
CREATES = {
    "create_publisher": ("publish", 1),
    "create_subscription": ("subscribe", 1),
    "create_service": ("reply", 1),
    "create_client": ("request", 1),
    "_Server": ("execute", 2),
}
"""Calls that open a topic, service or action: its rule, and the place of its name."""


def _rules(enclave: str) -> dict[str, set[str]]:
    """The names that an enclave may use, by rule; ``~`` and relative names are resolved."""
    rules: dict[str, set[str]] = {rule: set() for pair in RULES.values() for rule in pair}
    for profile in POLICY.findall(f"enclaves/enclave[@path='{enclave}']/profiles/profile"):
        assert profile.get("ns") == "/"
        for group in profile:
            names = {(name.text or "").replace("~", f"/{profile.get('node')}") for name in group}
            for rule in group.attrib:
                rules[rule] |= {name if name.startswith("/") else f"/{name}" for name in names}
    return rules


ENCLAVES = [enclave.get("path", "") for enclave in POLICY.iter("enclave")]
ALL = {enclave: _rules(enclave) for enclave in ENCLAVES}
PLANNER = ALL["/planner"]


def _opened() -> Iterator[tuple[str, str]]:
    """The rule and the name of all that the node opens by a literal name."""
    files = [*(PACKAGE / "wm_planner" / "ros").glob("*.py"), PACKAGE / "wm_planner" / "node.py"]
    for call in (c for f in files for c in ast.walk(ast.parse(f.read_text()))):
        if not isinstance(call, ast.Call):
            continue
        called = getattr(call.func, "attr", getattr(call.func, "id", ""))
        rule, place = CREATES.get(called, ("", 0))
        name = call.args[place] if rule and len(call.args) > place else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield rule, name.value


def test_the_policy_has_the_structure_that_sros2_reads() -> None:
    assert (POLICY.tag, POLICY.attrib) == ("policy", {"version": "0.2.0"})
    for enclave in POLICY.findall("enclaves/enclave"):
        assert [part.tag for part in enclave] == ["profiles"]
        for profile in enclave.findall("profiles/profile"):
            assert set(profile.attrib) == {"ns", "node"}
            for group in profile:
                assert set(group.attrib) <= set(RULES[group.tag])
                assert set(group.attrib.values()) == {"ALLOW"}
                assert {name.tag for name in group} == {group.tag[:-1]}


def test_every_literal_name_in_the_sources_has_a_rule() -> None:
    opened = [(rule, name.replace("~", "/wm_planner")) for rule, name in _opened()]
    assert len(opened) > 8
    known = {rule: names | {n.lstrip("/") for n in names} for rule, names in PLANNER.items()}
    assert [(rule, name) for rule, name in opened if name not in known[rule]] == []


@pytest.mark.parametrize("enclave", [path for path in ENCLAVES if path != "/planner"])
def test_another_enclave_uses_only_what_the_planner_offers(enclave: str) -> None:
    for offer, use in OPPOSITE.items():
        used = {name for name in ALL[enclave][use] if name.startswith("/wm_planner/")}
        assert used - PLANNER[offer] == set()


def test_whatever_the_planner_hears_somebody_may_say() -> None:
    said = set().union(*(ALL[enclave]["publish"] for enclave in ENCLAVES if enclave != "/planner"))
    assert PLANNER["subscribe"] - said <= {"/clock"}  # of a simulator


@pytest.mark.parametrize(
    ("rule", "name", "who"),
    [
        ("publish", "/command", ["/planner"]),
        ("publish", "/current_pose", ["/arm"]),
        ("publish", "/joint_states", ["/arm"]),
        ("publish", "/image", ["/camera"]),
        ("publish", "/enable", ["/stop_button"]),
        ("publish", "/wrench", ["/arm"]),
        ("request", "/wm_planner/stop", ["/operator", "/stop_button", "/cockpit"]),
        ("request", "/wm_planner/release", ["/operator", "/cockpit"]),
        ("call", "/wm_planner/reach_goal", ["/operator", "/cockpit"]),
        ("request", "/wm_planner/set_parameters", ["/integrator"]),
        ("request", "/wm_planner/set_parameters_atomically", ["/integrator"]),
        ("request", "/wm_planner/change_state", ["/integrator"]),
    ],
)
def test_only_these_roles_may(rule: str, name: str, who: list[str]) -> None:
    assert [enclave for enclave in ENCLAVES if name in ALL[enclave][rule]] == who
