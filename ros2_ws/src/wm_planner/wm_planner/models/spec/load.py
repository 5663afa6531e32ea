"""Load ``model.yaml`` as a checked ``ModelSpec``."""

from __future__ import annotations

from pathlib import Path

from omegaconf.errors import OmegaConfBaseException

from wm_planner.files.home import expanded
from wm_planner.files.plain_settings import fill, reason
from wm_planner.message_limits import MAX_TEXT
from wm_planner.models.spec.errors import SpecError, StatisticsError
from wm_planner.models.spec.file import SPEC_FILE, read_content
from wm_planner.models.spec.model import ModelSpec
from wm_planner.text import close, one_line


def load_spec(directory: str | Path, *, allow_unverified_statistics: bool = False) -> ModelSpec:
    """Read and check ``model.yaml``.

    Args:
        directory: The model's directory.
        allow_unverified_statistics: Accept statistics whose provenance is missing or wrong.

    Returns:
        The spec, every field validated.

    Raises:
        SpecError: The file is missing, is not YAML, has an unknown format, lacks or misspells a
            field, or contradicts itself.
        StatisticsError: The statistics have no provenance, or were changed after the export.
    """
    try:
        path = expanded(directory) / SPEC_FILE
    except OSError as error:
        raise SpecError(f"{directory} cannot be read: {error.strerror}") from error
    content = read_content(path)
    try:
        spec = fill(ModelSpec, content)
    except OmegaConfBaseException as error:
        key = str(getattr(error, "full_key", None) or "?")
        known = getattr(getattr(error, "object_type", None), "__dataclass_fields__", {})
        near = close(key.rpartition(".")[2], known)
        hint = f": did you mean {near}?" if near and near != key.rpartition(".")[2] else ""
        problem = one_line(f"{key}: {reason(error)}", MAX_TEXT)
        raise SpecError(f"{path}: {problem}{hint}") from error
    except OverflowError as error:  # of a whole number, where OmegaConf does not say
        raise SpecError(f"{path}: a number has more than 300 digits") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error
    if not allow_unverified_statistics and (problem := spec.statistics.problem()):
        raise StatisticsError(str(path), problem)
    return spec
