"""The page of the command line has every option, with a sentence."""

from __future__ import annotations

import argparse
import re

import pytest

from wm_planner.cli.program import COMMANDS, make_parser
from wm_planner.help_texts import examples_of
from wm_planner.reference import command_line_page
from wm_planner.reference.checkout import PROGRAMS, REPOSITORY
from wm_planner.reference.command_line_page import subparsers

PAGE = command_line_page.page()
PARSERS = subparsers(make_parser())
ACTIONS = [
    (command, action)
    for command, parser in PARSERS.items()
    for action in parser._actions
    if not isinstance(action, argparse._HelpAction)
]


def section(name: str) -> str:
    return PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(
    ("command", "action"), ACTIONS, ids=[f"{command} {action.dest}" for command, action in ACTIONS]
)
def test_every_argument_has_a_row_with_a_sentence(command: str, action: argparse.Action) -> None:
    names = ", ".join(f"`{name}`" for name in action.option_strings or [action.metavar])
    (row,) = (line for line in section(command).splitlines() if line.startswith(f"| {names} |"))
    assert re.search(r"\| [^|]{8,}[.?] \|$", row), row


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_purpose_usage_and_epilog(command: str) -> None:
    text = section(command)
    assert text.strip().startswith((PARSERS[command].description or "")[:20])
    assert f"```text\nwm-planner {command} " in text
    assert "\nExit code: 0" in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_examples_in_a_block(command: str) -> None:
    _, _, rest = section(command).partition("\nExamples:\n\n```text\n")
    block, _, _ = rest.partition("```")
    shown = " ".join(block.replace("\\\n", "").split())
    assert shown == " ".join(examples_of(PARSERS[command]))


def test_output_and_completion_are_explained_once() -> None:
    assert "| `-q`, `--quiet` | Print no progress and no notes" in section("Output")
    assert "| `--json` | Print one JSON document" in section("Output")
    assert "register-python-argcomplete wm-planner" in section("Completion")


def test_what_must_be_given_is_in_the_usage() -> None:
    assert "wm-planner plan MODEL_DIR --image FILE --goal-image FILE [OPTION …]" in PAGE
    assert "wm-planner doctor [MODEL_DIR] [OPTION …]" in PAGE


def test_defaults_choices_and_exclusions_are_told() -> None:
    assert "| `--episode` | `N` | `0` | Its episode to examine, from 0. |" in PAGE
    assert "| `--color-order` | `rgb`, `bgr` |" in PAGE
    assert "PNG or JPEG files. Not together with `--topic`." in PAGE
    assert "| `--objective` | `MODE` | `last` | Frames that count: last, all or mean. |" in PAGE
    assert "%(" not in PAGE


@pytest.mark.parametrize(("command", "action"), ACTIONS)
def test_no_default_is_only_a_word_in_brackets(command: str, action: argparse.Action) -> None:
    shown = re.sub(r"%\(default\)s", "", action.help or "")
    assert not re.search(r"\((?:default|latest|last|true|false|[\d.]+)\)", shown)


def test_the_version_is_told() -> None:
    assert "| `--version` | Print the version and exit. |" in PAGE


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_s_settings_are_told_if_it_takes_any(command: str) -> None:
    text = " ".join(section(command).split())
    used = COMMANDS[command][0].SETTINGS
    assert ("[SETTING=VALUE …]" in text) == bool(used)
    assert ("Settings: `" in text) == bool(used)
    for name in used:
        assert f"`{name}*`" in text or f"`{name}`" in text


def test_the_executables_are_those_of_the_package() -> None:
    setup = (REPOSITORY / "ros2_ws/src/wm_planner/setup.py").read_text()
    scripts = re.search(r'"console_scripts": \[(.*?)\]', setup, re.DOTALL)
    assert scripts
    assert set(re.findall(r'"([\w-]+) =', scripts[1])) - {"wm-planner"} == set(PROGRAMS)
    for name in PROGRAMS:
        assert f"\n| `{name}` | " in section("ROS executables")
