"""What is done with each command of a page: it is run, or checked as far as that is possible.

- ``wm-planner``, ``python`` and ``pip`` in a block run, with the small files of ``Files``.
- What takes long, or needs ROS 2's command line, is run by another test or by CI: ``ELSEWHERE``.
- Commands between words, of blocks that need something, and those with ``…`` are checked: targets,
  variables, options, files, launch arguments, topics, types, settings.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from documented_files import Files, here
from documented_pages import OMITTED, REPOSITORY, Command
from documented_ros2 import wrong_ros2
from documented_tables import ARGUMENTS, ELSEWHERE, EXECUTABLES, FASTER, SUBSTITUTES, USELESS

from wm_planner.cli import main
from wm_planner.cli.program import _OVERRIDE, make_parser
from wm_planner.cli.settings import settings
from wm_planner.config import ConfigError

TO_FILL_IN = re.compile(
    r"<\w+>|\b(?:COMMAND|EXECUTABLE|NAME|OPTION|OUTPUT|SETTING|TRAINING|VALUE)\b"
)
"""Words in the place of ``…``, in descriptions of a command."""
TASKS = pytest.importorskip("wm_planner_sim.simulator.tasks").TASKS
HERE = Path(__file__).name
MAKEFILE = (REPOSITORY / "Makefile").read_text()
SET_UP = "\n".join(file.read_text() for file in (REPOSITORY / "scripts").glob("*.py"))
_ASSIGNMENT = re.compile(r"\w+=")

Parsed = tuple[str, list[str]]
"""A program and its arguments, as ``parse_only.py`` takes them."""


class Follower:
    """Follows the commands of a page, in their order, as a reader would.

    Args:
        page: Name of the page.
        files: What the commands take for granted; without it they are checked only.

    Attributes:
        parsed: Programs that have to take their arguments; ``parse_only.py`` tells.
    """

    def __init__(self, page: str, files: Files | None = None) -> None:
        self._files = files
        self._folder = files.page() if files else REPOSITORY
        self._variables = {"PYTHONPATH": os.pathsep.join([str(self._folder / "site"), *sys.path])}
        self._variables |= {"HOME": str(self._folder), "PWD": str(self._folder)}
        self._variables |= {"XDG_CACHE_HOME": str(self._folder / "cache")}
        path = [str(Path(sys.executable).parent), os.environ["PATH"]]
        self._variables |= {"PATH": os.pathsep.join(path)}
        self.parsed: list[Parsed] = []

    def follow(self, command: Command) -> Iterator[str]:
        """Run or check a command; yield what is wrong, as sentences."""
        if command.text in ("do", "done") or command.text.startswith("for "):
            if not command.need:
                yield f"there is no rule for loops: add one to {HERE}"
            return
        for inner in re.findall(r"\$\(([^)]*)\)", command.text):
            if not command.need:
                yield f"there is no rule for $({inner}): add one to {HERE}"
            yield from self.follow(replace(command, text=inner))
        command = replace(command, text=re.sub(r"\$\([^)]*\)", OMITTED, command.text))
        words = [TO_FILL_IN.sub(OMITTED, here(word)) for word in command.words]
        while words and _ASSIGNMENT.match(words[0]):
            yield from self._assign(words.pop(0), words)
        if not words:
            return
        check = CHECKS.get(words[0])
        if check is None and "/" in words[0] and (REPOSITORY / words[0]).exists():
            check = Follower._file
        if check is None:
            yield (
                f"there is no rule for {words[0]!r}: add one to {HERE}, or begin the block with "
                "'# Needs …', if it needs what the tests do not have"
            )
            return
        problems = list(check(self, words))
        yield from problems
        if not problems and self._runs(command, words):
            yield from self._run(command, words)

    def _runs(self, command: Command, words: list[str]) -> bool:
        filled_in = OMITTED not in " ".join(words)
        if self._files is None or command.need or not filled_in or "--topic" in words:
            return False
        if not command.inline:
            return True
        return words[:2] == ["python", "-c"] or (words[0] == "wm-planner" and _is_complete(words))

    def _run(self, command: Command, words: list[str]) -> Iterator[str]:
        if words[0] == "wm-planner":
            yield from self._wm_planner(words)
        elif words[0] == "make" and words[1:] != ["help"]:
            for target in (word for word in words[1:] if "=" not in word):
                if f"make {target}" not in ELSEWHERE:
                    yield f"nothing runs 'make {target}': name what does in documented_tables.py"
        elif any(command.text.startswith(beginning) for beginning in ELSEWHERE):
            pass  # another test checks that the table is right
        elif words[0] in ("make", "python", "pip", "mkdir", "cp", "ls"):
            yield from self._shell(command)
        elif words[0] not in ("source", "export"):
            yield "nothing runs this: name the test that does in documented_tables.py"

    def _substituted(self, text: str) -> str:
        for old, new in SUBSTITUTES.items():
            text = text.replace(old, new)
        return here(text)

    def _prepare(self, words: list[str]) -> None:
        if self._files:
            self._files.prepare(self._folder, words)

    def _shell(self, command: Command) -> Iterator[str]:
        text = self._substituted(command.text)
        self._prepare(re.split(r"[\s'\"=]+", text))
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self._folder,
            env={**os.environ, **self._variables},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            yield f"exit code {done.returncode}: {(done.stderr or done.stdout)[-500:]}"

    def _wm_planner(self, words: list[str]) -> Iterator[str]:
        given = shlex.split(self._substituted(shlex.join(words)))[1:]
        outputs = given[2:3] if given[0] == "convert" else []
        self._prepare([word for word in given if word not in outputs])
        given += FASTER.get(given[0], [])
        given += ["--json"] if "--json" not in given else []
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
            patch.chdir(self._folder)
            patch.syspath_prepend(str(self._folder / "site"))
            for name, value in self._variables.items():
                patch.setenv(name, value)
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            try:
                code = main(given)
            except SystemExit as end:
                code = int(end.code or 0)
        said = f"exit code {code}: {(err.getvalue() or out.getvalue())[-500:]}"
        if given[0] != "doctor":
            if code > (given[0] == "convert"):  # 1: converted with warnings
                yield said
        elif not out.getvalue().startswith("{") or code > 2:
            yield said
        else:
            for section in json.loads(out.getvalue())["sections"]:
                for found in section["findings"]:
                    if found["name"] in USELESS and found["verdict"] == "stop":
                        yield f"{found['name']}: {found}"

    # Checks.

    def _assign(self, word: str, rest: list[str]) -> Iterator[str]:
        name, _, value = word.partition("=")
        if rest[:1] == ["make"]:
            yield from _make_variable(name, value)

    def _make(self, words: list[str]) -> Iterator[str]:
        for word in words[1:]:
            name, assigned, value = word.partition("=")
            if word == OMITTED:
                continue
            if assigned:
                yield from _make_variable(name, value)
                if name in ARGUMENTS:
                    self.parsed.append((ARGUMENTS[name], shlex.split(value)))
            elif not re.search(rf"^{re.escape(word)}:", MAKEFILE, re.MULTILINE):
                yield f"the Makefile has no target {word!r}"

    def _command_line(self, words: list[str]) -> Iterator[str]:
        if len(words) < 2 or words[1] == OMITTED:
            return
        parsers: Any = make_parser()._subparsers._group_actions[0].choices
        if words[1] not in parsers:
            yield f"wm-planner has no command {words[1]!r}"
            return
        rest = words[2 : words.index("--ros-args") if "--ros-args" in words else None]
        overrides = [word for word in rest if _OVERRIDE.match(word) and OMITTED not in word]
        try:
            settings(overrides) if overrides else None
        except ConfigError as error:
            yield str(error)
        options = [word.partition("=")[0] for word in rest if word.startswith("--")]
        for option in options:
            if option not in parsers[words[1]]._option_string_actions:
                yield f"wm-planner {words[1]} has no option {option}"

    def _python(self, words: list[str]) -> Iterator[str]:
        if len(words) < 2 or words[1] == "-c":
            return
        if words[1] == "-m" and words[2:3] == ["wm_planner.cli"]:
            yield from self._command_line(["wm-planner", *words[3:]])
        elif words[1] == "-m" and len(words) > 2:
            if importlib.util.find_spec(words[2]) is None:
                yield f"there is no module {words[2]}"
            else:
                self._parse(f"-m {words[2]}", words[3:])
        elif not (REPOSITORY / words[1]).exists():
            yield f"there is no file {words[1]}"
        elif words[1].startswith("benchmarks/") or "argparse" in _text(words[1]):
            self._parse(str(REPOSITORY / words[1]), words[2:])

    def _parse(self, name: str, words: list[str]) -> None:
        if ">" in words:
            words = words[: words.index(">")]
        if OMITTED not in " ".join(words):
            self.parsed.append((name, words))

    def _pip(self, words: list[str]) -> Iterator[str]:
        if words[1:2] != ["install"]:
            yield f"there is no rule for 'pip {words[1]}'"
        for word in words[2:]:
            if "/" in word and not (REPOSITORY / word).exists():
                yield f"there is no {word}"

    def _ros2(self, words: list[str]) -> Iterator[str]:
        yield from wrong_ros2(words)
        if words[1:3] == ["run", "wm_planner"] and words[3:4] == ["wm-planner"]:
            yield from self._command_line(words[3:])
        elif words[1:3] == ["run", "wm_planner_sim"] and words[3:4] and words[3] in EXECUTABLES:
            self._parse(EXECUTABLES[words[3]], words[4:])

    def _source(self, words: list[str]) -> Iterator[str]:
        if not words[1].startswith("/") and not (REPOSITORY / words[1]).exists():
            yield f"there is no file {words[1]}"

    def _export(self, words: list[str]) -> Iterator[str]:
        for word in words[1:]:
            name, _, value = word.partition("=")
            self._variables[name] = os.path.expandvars(value)
        yield from ()

    def _file(self, words: list[str]) -> Iterator[str]:
        if not os.access(REPOSITORY / words[0], os.X_OK):
            yield f"{words[0]} cannot be executed"

    def _foreign(self, words: list[str]) -> Iterator[str]:
        """Accept the words of a program that is not ours."""
        yield from ()


Check = Callable[[Follower, list[str]], Iterator[str]]
CHECKS: dict[str, Check] = {
    "make": Follower._make,
    "wm-planner": Follower._command_line,
    "python": Follower._python,
    "python3": Follower._python,
    "pip": Follower._pip,
    "ros2": Follower._ros2,
    "source": Follower._source,
    "export": Follower._export,
    ".venv/bin/pre-commit": Follower._foreign,
    **dict.fromkeys(("colcon", "cp", "curl", "ls", "mkdir", "rosdep", "ssh"), Follower._foreign),
}


def _text(file: str) -> str:
    return (REPOSITORY / file).read_text()


def _make_variable(name: str, value: str) -> Iterator[str]:
    if not re.search(rf"\$[({{]{name}\b|^{name} \?=", MAKEFILE, re.MULTILINE) and (
        f'"{name}"' not in SET_UP
    ):
        yield f"neither the Makefile nor scripts/ reads {name}"
    if name == "TASK" and value != OMITTED and value not in TASKS:
        yield f"there is no task {value!r}"


def _is_complete(words: list[str]) -> bool:
    """Decide whether a command of ``wm-planner`` has the arguments that it needs."""
    rest = [word for word in words[1:] if not _OVERRIDE.match(word)]
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        given: argparse.Namespace = make_parser().parse_args(rest)
        return given.model is not None if "model" in given else True
    return False
