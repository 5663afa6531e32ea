"""Reads the YAML files of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path) -> Any:
    """The plain values of a YAML file, in which nothing refers to something else.

    With aliases, a file of a few hundred bytes can hold more values than any memory.

    Raises:
        OSError: The file cannot be read.
        yaml.YAMLError: It is no YAML, has aliases, or is nested too deeply.
    """
    try:
        return yaml.load(path.read_text(), _Loader)
    except UnicodeDecodeError as error:
        raise yaml.YAMLError(str(error)) from error
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases (*) are not read: write the value out",
                problem_mark=self.peek_event().start_mark,
            )
        return super().compose_node(parent, index)
