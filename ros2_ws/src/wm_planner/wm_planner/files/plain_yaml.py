"""Read YAML files without aliases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path) -> Any:
    """Read a YAML file of plain values; aliases are refused.

    With aliases, a file of a few hundred bytes can expand to more values than fit into memory.

    Raises:
        OSError: The file cannot be read.
        yaml.YAMLError: It is not valid YAML, has aliases, or is nested too deeply.
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
