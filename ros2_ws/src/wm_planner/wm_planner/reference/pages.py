"""All pages by the names of their files."""

from __future__ import annotations

from collections.abc import Callable

from wm_planner.reference import (
    command_line_page,
    error_codes_page,
    messages_page,
    model_yaml_page,
    parameters_page,
)

PAGES: dict[str, Callable[[], str]] = {
    "parameters.md": parameters_page.page,
    "messages.md": messages_page.page,
    "error-codes.md": error_codes_page.page,
    "command-line.md": command_line_page.page,
    "model-yaml.md": model_yaml_page.page,
}
"""Functions that return the pages as Markdown; they raise ``SourceError``."""
