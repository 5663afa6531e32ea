"""Read YAML files of plain values: without aliases, without repeated keys, of bounded size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from wm_planner.files.regular import read_regular
from wm_planner.text import one_line, quoted

MAX_BYTES = 4_000_000
"""Largest file."""
MAX_VALUES = 150_000
"""Most values and keys of a file; they take some seconds to read."""
SHOWN = 300
"""Most characters of what is wrong, which may repeat the file."""
MAX_DIGITS = 300
"""Most digits of a whole number; Python cannot print more than 4300."""


def read_yaml(path: Path) -> Any:
    """Read a YAML file of plain values.

    With aliases, a file of a few hundred bytes can expand to more values than fit into memory. Of a
    key that is given twice, one value would be ignored in silence.

    Raises:
        OSError: The file cannot be read, is no regular file, or has more than ``MAX_BYTES``.
        yaml.YAMLError: It is not valid YAML, has aliases or a key twice, is nested too deeply, or
            has more than ``MAX_VALUES`` or ``MAX_DIGITS``.
    """
    data = read_regular(path, MAX_BYTES)
    try:
        return yaml.load(data.decode(), _Loader)
    except UnicodeDecodeError as error:
        raise yaml.YAMLError("it is not UTF-8: save it as UTF-8") from error
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        # yaml raises them for impossible values, such as a day 32 or a number of 5000 digits.
        raise yaml.YAMLError(str(error)) from error


def yaml_problem(error: yaml.YAMLError) -> str:
    """Return what is wrong with a file, and in which line, as the end of a sentence."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = f"line {mark.line + 1}: " if mark else ""
    return one_line(where + str(problem or error), SHOWN)


class _Loader(yaml.SafeLoader):
    count = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(
                problem="aliases (*) are not read: write the value out",
                problem_mark=self.peek_event().start_mark,
            )
        self.count += 1
        if self.count > MAX_VALUES:
            raise yaml.YAMLError(f"it has more than {MAX_VALUES} values")
        return super().compose_node(parent, index)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        long = len(node.value) > 10 * MAX_DIGITS  # more than Python reads
        value: int = 0 if long else super().construct_yaml_int(node)
        if long or abs(value) >= 10**MAX_DIGITS:
            raise yaml.MarkedYAMLError(
                problem=f"a number has more than {MAX_DIGITS} digits", problem_mark=node.start_mark
            )
        return value

    def refuse_merge(self, node: yaml.Node) -> None:
        raise yaml.MarkedYAMLError(
            problem="merge keys (<<) are not read: write the values out",
            problem_mark=node.start_mark,
        )

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, AttributeError) as error:  # of an impossible value, such as a day 32
            if not isinstance(node, yaml.ScalarNode):
                raise
            raise yaml.MarkedYAMLError(
                problem=f"{quoted(node.value)} is no value ({error})", problem_mark=node.start_mark
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused below, because it cannot be a key
            name = self.construct_object(key)
            if name in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {quoted(key.value)} is given twice: keep one of them",
                    problem_mark=key.start_mark,
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:merge", _Loader.refuse_merge)
