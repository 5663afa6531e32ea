"""Every field and constant of the interfaces has a comment, and a row with it."""

from __future__ import annotations

import importlib

import pytest

from wm_planner.control import ErrorCode
from wm_planner.reference import error_codes_page, messages_page
from wm_planner.reference.checkout import SourceError
from wm_planner.reference.interfaces import PARTS, Interface, interfaces, parse

ALL = [interface for kind in PARTS for interface in interfaces(kind)]


def named(interface: Interface) -> str:
    return interface.name


@pytest.mark.parametrize("interface", ALL, ids=named)
def test_every_member_has_a_meaning(interface: Interface) -> None:
    without = [m.name for part in interface.parts for m in part.members if not m.meaning]
    assert without == [], f"write a comment in {interface.name}.{interface.kind}"


@pytest.mark.parametrize("interface", ALL, ids=named)
def test_every_member_has_a_row(interface: Interface) -> None:
    text = messages_page.page().split(f"\n### {interface.name}\n")[1].split("\n### ")[0]
    firsts = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    for part in interface.parts:
        for member in part.members:
            assert any(f"`{member.name}`" in first for first in firsts), member.name


@pytest.mark.parametrize("interface", ALL, ids=named)
def test_every_interface_has_a_purpose(interface: Interface) -> None:
    assert interface.parts[0].purpose


@pytest.mark.parametrize("interface", ALL, ids=named)
def test_the_fields_are_those_of_the_generated_classes(interface: Interface) -> None:
    module = pytest.importorskip(f"wm_planner_msgs.{interface.kind}")
    made = getattr(module, interface.name)
    for part in interface.parts:
        kind = made if part.name == "message" else getattr(made, part.name.capitalize())
        fields = [member.name for group in part.fields for member in group]
        assert fields == list(kind.get_fields_and_field_types())
        for constant in part.constants:
            assert getattr(kind, constant.name) == int(constant.value)


def test_the_interfaces_are_all_that_the_package_has() -> None:
    pytest.importorskip("wm_planner_msgs")
    for kind in PARTS:
        module = importlib.import_module(f"wm_planner_msgs.{kind}")
        known = {interface.name for interface in ALL if interface.kind == kind}
        public = {name for name in dir(module) if name[0].isupper() and "_" not in name}
        assert known == public


def test_every_error_code_has_a_row_with_its_number() -> None:
    text = error_codes_page.page()
    for code in ErrorCode:
        assert f"| [`{code.name}`](#{code.name.lower()}) | {code.value} | " in text
    assert len(error_codes_page.error_codes()) == len(ErrorCode)


def test_comments_are_read_wherever_they_stand() -> None:
    (part,) = parse("msg", """\
# The whole.
#
# More of it.

# Kinds.
uint8 A=0   # one,
            # and more
uint8 B=1   # two

# Both.
float64 x
string y
float64[] own   # its own

# The next.
Goal z
""", "Some.msg")  # fmt: skip
    assert part.purpose == ["The whole.", "More of it."]
    assert [(c.name, c.value, c.meaning) for c in part.constants] == [
        ("A", "0", "one, and more"),
        ("B", "1", "two"),
    ]
    assert [([m.name for m in group], group[0].meaning) for group in part.fields] == [
        (["x", "y"], "Both."),
        (["own"], "its own"),
        (["z"], "The next."),
    ]


def test_a_line_that_is_not_understood_is_named() -> None:
    with pytest.raises(SourceError, match="neither field nor comment: what"):
        parse("msg", "what\n", "Some.msg")
    with pytest.raises(SourceError, match="1 parts, not 2"):
        parse("srv", "int64 seed\n", "Some.srv")
