"""Fill a schema of OmegaConf with plain data, in which no text has a second meaning."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from omegaconf import MISSING, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

T = TypeVar("T")

_REFERENCE = re.compile(r"(\\*)\$\{")


def fill(schema: type[T], *contents: Any) -> T:
    """Return a schema filled with mappings, later ones over earlier ones.

    OmegaConf would put another value, or a variable of the environment, in the place of a text such
    as ``${oc.env:HOME}``. Here it stays this text.

    Args:
        schema: A dataclass.
        *contents: Plain values by name, as from YAML or JSON.

    Raises:
        OmegaConfBaseException: A name is unknown, a value has another type, or is ``???``, which
            stands for a missing one.
        OverflowError: A whole number has too many digits.
        ValueError: The schema refuses a value.
    """
    plain = [_escaped(content) for content in contents]
    merged = OmegaConf.merge(OmegaConf.structured(schema), *plain)
    return cast(T, OmegaConf.to_object(merged))


def reason(error: OmegaConfBaseException) -> str:
    """Return what is wrong with a value, in plain words and one line."""
    said = str(error).partition("\n")[0]
    said = re.sub(r"^While dereferencing interpolation '.*?': ", "", said)
    if "is not a ListConfig" in said:
        return "it must be a list"
    if "missing mandatory value" in said:
        return "it is missing"
    if "Incompatible key type" in said or "is not a DictConfig" in said:
        return "it must be a mapping of names to values"
    return said


def _escaped(value: Any) -> Any:
    """Return a copy whose texts OmegaConf reads as they are (its grammar, "escaped")."""
    if value == MISSING:
        raise MissingMandatoryValue(f"{MISSING} stands for a missing value: write it out")
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: match[1] * 2 + r"\${", value)
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value
