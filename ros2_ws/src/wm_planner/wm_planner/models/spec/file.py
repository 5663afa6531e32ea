"""``model.yaml`` as a mapping: reading, with migration to the newest format, and writing."""

from __future__ import annotations

from pathlib import Path

import yaml

from wm_planner.files.plain_yaml import read_yaml, yaml_problem
from wm_planner.files.whole import write_whole
from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.formats import FORMAT, Content, migrate
from wm_planner.models.spec.numbers import check_plain

SPEC_FILE = "model.yaml"


def read_content(path: Path) -> Content:
    """Read ``model.yaml`` and migrate it, in memory, to the newest format.

    Raises:
        SpecError: The file is missing, is not plain YAML, is not a mapping, or has an unknown
            format.
    """
    try:
        content = read_yaml(path)
    except OSError as error:
        raise SpecError(
            f"{path} cannot be read ({error.strerror or error}): give the directory that holds "
            f"{SPEC_FILE} and its weights"
        ) from error
    except yaml.YAMLError as error:
        raise SpecError(f"{path} is not valid YAML: {yaml_problem(error)}") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} is not a mapping of settings")
    try:
        check_plain(content)
        migrate(content)
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error
    return content


def write_content(path: Path, content: Content) -> None:
    """Write a mapping of the newest format, the format's number first; the file appears whole.

    Raises:
        OSError: It cannot be written, and is unchanged.
    """
    ordered = {"format": FORMAT} | content
    write_whole(path, yaml.safe_dump(ordered, sort_keys=False, default_flow_style=None))
