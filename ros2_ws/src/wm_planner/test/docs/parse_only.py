"""Lets programs parse their arguments, and ends each of them before it does anything else.

Usage: python parse_only.py, with a JSON list of [program, arguments] on the standard input. A
program is a file, ``-m MODULE`` or ``MODULE:FUNCTION``. Prints a JSON list of what is wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any, NoReturn


class _Parsed(BaseException):
    """The arguments are right."""


def _stop_after(parse: Any) -> Any:
    def parse_known_args(parser: argparse.ArgumentParser, *given: Any, **named: Any) -> NoReturn:
        _, rest = parse(parser, *given, **named)
        if rest and rest[0] != "--ros-args":
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        raise _Parsed

    return parse_known_args


def wrong(program: str, arguments: list[str]) -> str:
    """Return what a program says of its arguments, or nothing if they are right."""
    said = io.StringIO()
    sys.argv = [program, *arguments]
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            if program.startswith("-m "):
                runpy.run_module(program[3:], run_name="__main__", alter_sys=True)
            elif ":" in program:
                module, function = program.split(":")
                getattr(importlib.import_module(module), function)()
            else:
                sys.path.insert(0, str(Path(program).parent))
                runpy.run_path(program, run_name="__main__")
    except _Parsed:
        return ""
    except SystemExit as end:
        return said.getvalue().strip().splitlines()[-1] if said.getvalue() else f"ended with {end}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "it does not parse its arguments with argparse"


if __name__ == "__main__":
    parser: Any = argparse.ArgumentParser
    parser.parse_known_args = _stop_after(parser.parse_known_args)
    parser._get_option_tuples = lambda self, option: []  # no abbreviations
    print(json.dumps([wrong(*given) for given in json.load(sys.stdin)]))
