"""``command-line.md``: every command of ``wm-planner``, from its parser.

The parsers are read directly, because argparse lays out its help differently in each Python.
"""

from __future__ import annotations

import argparse
import ast
import re
import textwrap
from collections.abc import Iterator, Sequence

from wm_planner.cli.program import COMMANDS, make_parser
from wm_planner.cli.settings import shown
from wm_planner.help_texts import add_output_options, examples_of, text_of
from wm_planner.reference.checkout import PROGRAMS, SourceError, read
from wm_planner.reference.markdown import (
    WIDTH,
    code,
    paragraph,
    prose,
    sentence,
    table,
    whole_page,
)

_INTRODUCTION = (
    "`wm-planner COMMAND …` works with models, images and recordings; nothing moves. "
    "`wm-planner COMMAND --help` prints what this page says. Settings such as "
    "`planning.preset=full` may stand anywhere in the line; [Parameters](parameters.md) lists "
    "them, and a command refuses those that it does not use. What follows `--ros-args` is for ROS. "
    "[Error codes](error-codes.md) has the exit codes of all commands."
)
_OUTPUT = (
    "Results go to standard output. Progress goes to standard error: bars on a terminal, and in a "
    "log a line for each phase that takes longer than five seconds. Errors go there too, as "
    "sentences. Two options are the same for every command:"
)
_WIDTH = (
    "Tables are as wide as the terminal, and have 80 columns if the output is no terminal; the "
    "environment variable `COLUMNS` sets another width."
)
_COMPLETION = (
    "The Tab key completes commands, options, files, settings and their choices in bash and, "
    "after its `compinit`, in zsh. `source scripts/env.sh` turns that on; where the package is "
    "installed otherwise, this line in `~/.bashrc` or `~/.zshrc` does:"
)
_REGISTER = 'eval "$(register-python-argcomplete wm-planner)"'
_EXECUTABLES = (
    "`ros2 run wm_planner EXECUTABLE --ros-args -p NAME:=VALUE` starts a node; its options are "
    "those of ROS. Parameters of the planner: [Parameters](parameters.md); of the cockpit: "
    "[The cockpit](../how-to/cockpit.md)."
)
_DEFAULT = re.compile(r"\s*\(%\(default\)s\)")
_EXIT_CODE = re.compile(r"\n(?=Exit code: )")


def page() -> str:
    """Return the page as Markdown.

    Raises:
        SourceError: The source of a ROS executable is missing or is not understood.
    """
    parser = make_parser()
    parsers = subparsers(parser)
    rows = [(f"[{code(name)}](#{name})", sentence(line)) for name, (_, line) in COMMANDS.items()]
    rows += [
        (", ".join(map(code, action.option_strings)), _meaning(action, parser))
        for action in parser._actions
        if action.option_strings and not isinstance(action, argparse._HelpAction)
    ]
    blocks = [
        paragraph(_INTRODUCTION),
        table(("command", "purpose"), rows),
        "## Output",
        paragraph(_OUTPUT),
        table(("option", "meaning"), _same_options()),
        paragraph(_WIDTH),
        "## Completion",
        paragraph(_COMPLETION),
        _commands(_REGISTER),
    ]
    for name in COMMANDS:
        blocks += _command(name, parsers[name])
    rows = [(code(name), sentence(purpose(name))) for name in PROGRAMS]
    blocks += [
        "## ROS executables",
        paragraph(_EXECUTABLES),
        table(("executable", "purpose"), rows),
    ]
    return whole_page("Command line", *blocks)


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers of a parser's commands by their names."""
    (found,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    return dict(found.choices)


def purpose(program: str) -> str:
    """Return what the ``--help`` of a ROS executable says; its module needs ROS, and is only read.

    Raises:
        SourceError: The module is missing, or does not call ``start(PROGRAM, "purpose")``.
    """
    path = PROGRAMS[program]
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "start" and len(node.args) == 2:
            return str(ast.literal_eval(node.args[1]))
    raise SourceError(f"{path} does not call start(PROGRAM, purpose)")


def _command(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f"## {name}"
    yield paragraph(sentence(parser.description or ""))
    yield f"```text\n{_usage(name, parser)}\n```"
    for group in parser._action_groups:
        actions = [a for a in group._group_actions if not isinstance(a, argparse._HelpAction)]
        if not actions:
            continue
        if group not in (parser._positionals, parser._optionals):
            yield f"{sentence(group.title or '').rstrip('.')}:"
        if group is parser._positionals:
            rows = [(code(_value(a)), _meaning(a, parser)) for a in actions]
            yield table(("argument", "meaning"), rows)
        else:
            yield table(
                ("option", "value", "default", "meaning"),
                (
                    (
                        ", ".join(map(code, a.option_strings)),
                        _values(a),
                        _default(a),
                        _meaning(a, parser),
                    )
                    for a in actions
                ),
            )
    if used := _used(name):
        yield paragraph(f"Settings: {', '.join(map(code, shown(used).split(', ')))}.")
    for part in _EXIT_CODE.split(text_of(parser)):
        yield paragraph(prose(part))
    yield "Examples:"
    yield _commands(*examples_of(parser))


def _same_options() -> list[tuple[str, str]]:
    """Return the rows of the options that every command has."""
    parser = argparse.ArgumentParser(add_help=False)
    add_output_options(parser)
    return [
        (", ".join(map(code, action.option_strings)), _meaning(action, parser))
        for action in parser._actions
    ]


def _commands(*commands: str) -> str:
    """Return commands on the user's own files as a block, in lines of bounded length."""
    lines = (
        " \\\n    ".join(
            textwrap.wrap(command, WIDTH - 4, break_long_words=False, break_on_hyphens=False)
        )
        for command in commands
    )
    return "\n".join(["```text", *lines, "```"])


def _usage(name: str, parser: argparse.ArgumentParser) -> str:
    """Return the line to type: arguments, then options that must be given, then the others."""
    words = ["wm-planner", name]
    actions = sorted(parser._actions, key=lambda a: bool(a.option_strings))
    for action in actions:
        if not action.option_strings:
            words.append(f"[{_value(action)}]" if action.nargs in ("?", "*") else _value(action))
        elif action.required:
            words.append(f"{action.option_strings[0]} {_value(action)}")
    settings = ["[SETTING=VALUE …]"] * bool(_used(name))
    return " ".join([*words, "[OPTION …]", *settings])


def _used(name: str) -> Sequence[str]:
    """Return the settings that a command uses."""
    used: Sequence[str] = COMMANDS[name][0].SETTINGS
    return used


def _value(action: argparse.Action) -> str:
    """Return the placeholder of an argument's value."""
    name = action.metavar or action.dest.rpartition(".")[2].upper()
    if isinstance(name, tuple):
        return " ".join(name)
    return f"{name} …" if action.nargs in ("+", "*") and not name.endswith("…") else name


def _values(action: argparse.Action) -> str:
    """Return what an option takes, for a cell."""
    if action.choices is not None:
        return ", ".join(map(code, action.choices))
    return "" if action.nargs == 0 else code(_value(action))


def _default(action: argparse.Action) -> str:
    """Return the default of an option, for a cell."""
    if action.required:
        return "required"
    return "" if action.default is None or action.default is False else code(action.default)


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = _DEFAULT.sub("", action.help or "")
    others = [
        other.option_strings[0]
        for group in parser._mutually_exclusive_groups
        if action in group._group_actions
        for other in group._group_actions
        if other is not action
    ]
    alone = f" Not together with {', '.join(map(code, others))}." if others else ""
    return sentence(text) + alone if text else ""
