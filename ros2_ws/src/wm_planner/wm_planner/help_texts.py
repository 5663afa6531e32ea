"""The help of every program: how it is laid out, its examples, ``--json`` and ``--quiet``."""

from __future__ import annotations

import argparse
import shlex
import textwrap

EXAMPLES = "Examples:\n"
JSON_HELP = "print one JSON document on standard output and nothing else there"
QUIET_HELP = "print no progress and no notes: only results, warnings and errors"


def add_output_options(parser: argparse.ArgumentParser) -> None:
    """Declare ``--json`` and ``--quiet``, which mean the same for every program.

    Progress is shown on standard error, with neither option. Errors are sentences on standard
    error with both.
    """
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_argument("-q", "--quiet", action="store_true", help=QUIET_HELP)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Wraps each line of a description or an epilog, but for the examples, which can be copied."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            lines += [line] if line.startswith(" ") else textwrap.wrap(line, width) or [""]
        return "\n".join(lines)


def parser_with_examples(
    program: str, description: str, text: str, *examples: str
) -> argparse.ArgumentParser:
    """Return a parser whose help ends with a text and examples.

    Args:
        program: How the program is called.
        description: What it does.
        text: Paragraphs of one line each, before the examples.
        examples: Arguments, which are shown after the name of the program.
    """
    return argparse.ArgumentParser(
        prog=program,
        description=description,
        epilog=with_examples(text, *(f"{program} {words}".strip() for words in examples)),
        formatter_class=HelpFormatter,
    )


def with_examples(text: str, *examples: str) -> str:
    """Return a parser's epilog: paragraphs of one line each, then commands.

    The parser needs the ``HelpFormatter``; ``examples_of`` finds the commands again.
    """
    lines = "\n".join("  " + " \\\n      ".join(_words(example, 76)) for example in examples)
    return f"{text.strip()}\n\n{EXAMPLES}{lines}\n".lstrip()


def _words(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def text_of(parser: argparse.ArgumentParser) -> str:
    """Return what the end of a parser's help says before the examples."""
    return (parser.epilog or "").partition(EXAMPLES)[0].strip()


def examples_of(parser: argparse.ArgumentParser) -> list[str]:
    """Return the commands at the end of a parser's help; those of several lines in one."""
    _, _, lines = (parser.epilog or "").partition(EXAMPLES)
    return [
        " ".join(line.split()) for line in lines.replace("\\\n", " ").splitlines() if line.strip()
    ]


def arguments_of(example: str, program: str) -> list[str]:
    """Return the arguments of an example of a program such as ``wm-planner plan``.

    Raises:
        ValueError: The example is of another program.
    """
    words, start = shlex.split(example), shlex.split(program)
    if words[: len(start)] != start:
        raise ValueError(f"'{example}' does not begin with '{program}'")
    return words[len(start) :]
