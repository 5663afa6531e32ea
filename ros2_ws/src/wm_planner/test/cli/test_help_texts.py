"""Every help text ends with examples that are accepted, and says what each option is for."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

import pytest

from wm_planner.cli import main
from wm_planner.cli.program import COMMANDS, make_parser, split
from wm_planner.cli.settings import refuse_unused, settings
from wm_planner.cli.version import own_version
from wm_planner.help_texts import JSON_HELP, QUIET_HELP, arguments_of, examples_of, text_of
from wm_planner.reference.__main__ import make_parser as make_reference_parser
from wm_planner.reference.command_line_page import subparsers
from wm_planner.worker.check import make_parser as make_check_parser

COMMAND_PARSERS = subparsers(make_parser())
PARSERS = {
    parser.prog: parser
    for parser in (
        make_parser(),
        *COMMAND_PARSERS.values(),
        make_reference_parser(),
        make_check_parser(),
    )
}

CHECK = make_check_parser().prog


@pytest.mark.parametrize("program", PARSERS)
def test_every_example_is_accepted(program: str) -> None:
    examples = examples_of(PARSERS[program])
    assert 1 <= len(examples) <= 3
    for example in examples:
        if program.startswith("wm-planner"):
            given, overrides, ros = split(arguments_of(example, "wm-planner"))
            settings(overrides)
            if given and given[0] in COMMANDS:
                refuse_unused(given[0], COMMANDS[given[0]][0].SETTINGS, overrides)
            assert not ros
            parser = make_parser()
        else:
            given, parser = arguments_of(example, program), PARSERS[program]
        parser.parse_args(given)


@pytest.mark.parametrize("program", PARSERS)
def test_the_examples_are_the_end_of_the_help_and_can_be_copied(program: str) -> None:
    shown = PARSERS[program].format_help()
    _, _, end = shown.partition("\nExamples:\n")
    commands = [" ".join(part.split()) for part in end.replace("\\\n", "").splitlines()]
    assert commands == examples_of(PARSERS[program])
    assert all(shlex.split(command) for command in commands)


@pytest.mark.parametrize("program", PARSERS)
def test_no_line_of_a_help_text_is_longer_than_the_terminal(program: str) -> None:
    assert [line for line in PARSERS[program].format_help().splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("program", PARSERS)
def test_every_argument_says_what_it_is_for_and_what_to_type(program: str) -> None:
    for action in PARSERS[program]._actions:
        if isinstance(action, argparse._SubParsersAction):
            continue
        assert len(action.help or "") > 8, action.dest
        takes_a_value = action.nargs != 0
        assert action.metavar or action.choices or not takes_a_value, action.dest


@pytest.mark.parametrize("program", PARSERS)
def test_no_type_has_a_name_that_a_message_would_show(program: str) -> None:
    for action in PARSERS[program]._actions:
        if action.type not in (None, Path):
            with pytest.raises(argparse.ArgumentTypeError, match="'abc' is not "):
                action.type("abc")  # type: ignore[operator]


@pytest.mark.parametrize("program", set(PARSERS) - {"wm-planner"})
def test_every_program_has_its_exit_codes(program: str) -> None:
    assert "Exit code: 0" in text_of(PARSERS[program])


@pytest.mark.parametrize("program", [f"wm-planner {name}" for name in COMMANDS] + [CHECK])
def test_json_and_quiet_mean_the_same_for_every_command(program: str) -> None:
    options = PARSERS[program]._option_string_actions
    assert options["--json"].help == JSON_HELP
    assert options["--quiet"].help == options["-q"].help == QUIET_HELP


def test_the_program_says_where_settings_are_documented() -> None:
    text = make_parser().format_help()
    assert "docs/reference/parameters.md" in text
    for name, (_, line) in COMMANDS.items():
        assert f"{name} " in text
        assert line in text


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"wm-planner {own_version()}\n"
    assert own_version()[0].isdigit()
