"""Completion of ``wm-planner`` in bash and zsh: commands, options, files, and settings.

``scripts/env.sh`` registers it. The shell then runs the program with ``_ARGCOMPLETE`` set, which
prints what may follow in place of doing anything.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wm_planner.cli.settings import uses
from wm_planner.config import Config, leaves
from wm_planner.text import one_line

_MEANING = 60  # characters of what a setting means


def completes() -> bool:
    """Decide whether the shell asks for completions."""
    return "_ARGCOMPLETE" in os.environ


def complete(
    parser: argparse.ArgumentParser,
    is_setting: Callable[[str], object],
    used: Mapping[str, Sequence[str]],
) -> None:
    """Print what may follow, and end the process.

    Args:
        parser: The program's.
        is_setting: Decides whether a word is a setting with its value; parsers do not know them.
        used: The settings that each command uses.
    """
    from argcomplete.finders import CompletionFinder

    class Finder(CompletionFinder):
        """Completes settings too."""

        def _get_completions(self, comp_words: list[str], *others: Any) -> list[str]:
            words = [word for word in comp_words if not is_setting(word)]
            found: list[str] = super()._get_completions(words, *others)
            return found

        def collect_completions(
            self, active_parsers: Any, parsed_args: Any, cword_prefix: str
        ) -> list[str]:
            command = getattr(parsed_args, "command", "")
            given = settings_for(cword_prefix, used[command]) if command else {}
            self._display_completions.update(given)
            if given and "=" in cword_prefix:
                return list(given)
            return [*given, *self._of_parser(active_parsers, parsed_args, cword_prefix)]

        def _of_parser(self, *given: Any) -> list[str]:
            found: list[str] = super().collect_completions(*given)
            return found

    Finder()(parser, always_complete_options="long")


def settings_for(prefix: str, used: Sequence[str]) -> dict[str, str]:
    """Return the settings that a word may become, with what they mean, which zsh shows.

    After ``=`` they have the values to choose from.

    Args:
        prefix: The beginning of the word.
        used: The settings to propose, see ``uses``.
    """
    name, assigned, _ = prefix.partition("=")
    found: dict[str, str] = {}
    for leaf in leaves(Config()) if name else ():
        if not uses(used, leaf.name):
            continue
        meaning = one_line(str(leaf.checks["help"]), _MEANING)
        if not assigned:
            found[f"{leaf.name}="] = meaning
        elif leaf.name == name:
            choices = ["true", "false"] if isinstance(leaf.value, bool) else []
            found |= dict.fromkeys(
                (f"{name}={value}" for value in leaf.checks.get("choices", choices)), meaning
            )
    return {word: meaning for word, meaning in found.items() if word.startswith(prefix)}
