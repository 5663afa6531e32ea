"""The configuration from YAML files, overrides and parameters, and back to YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any, cast

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wm_planner.config.root import Config
from wm_planner.config.schema import ConfigError, check_leaves, leaves
from wm_planner.text import close, did_you_mean, listed, one_line, quoted

SCHEMA_NAME = "wm_planner_schema"
SHOWN = 300  # [characters] of a reason, which may repeat the setting


def compose(
    directory: str | Path,
    name: str = "planner",
    overrides: Sequence[str] = (),
    values: Mapping[str, Any] | None = None,
) -> Config:
    """Compose the configuration with Hydra.

    Args:
        directory: The folder of YAML files.
        name: Name of the primary file, without ``.yaml``.
        overrides: Hydra overrides, e.g. ``planning.horizon=8``.
        values: Values by dotted name, applied last (the node's ROS parameters).

    Returns:
        The validated configuration.

    Raises:
        ConfigError: A file or setting is unknown, has the wrong type or is out of range, or
            settings contradict each other.
    """
    ConfigStore.instance().store(name=SCHEMA_NAME, node=Config)
    try:
        with initialize_config_dir(str(Path(directory).resolve()), version_base="1.3"):
            composed = hydra_compose(name, overrides=list(overrides))
        for key, value in (values or {}).items():
            OmegaConf.update(composed, key, value)
        _refuse_added(composed)
        config = cast(Config, OmegaConf.to_object(composed))
    except MissingConfigException as error:
        raise ConfigError(_missing_file(error, directory)) from error
    except ConfigError:
        raise
    except (HydraException, OmegaConfBaseException, OverflowError, ValueError) as error:
        errors = [e for e in (error, error.__cause__) if e is not None]
        reasons = [one_line(str(e).splitlines()[0], SHOWN) for e in errors]
        raise ConfigError(": ".join(reasons) + _nearest_setting(errors)) from error
    validate(config)
    return config


def _missing_file(error: MissingConfigException, directory: str | Path) -> str:
    """Return the sentence about a file that does not exist, with those that do."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    known = error.options or []
    there = f" There are {listed(known)}." if known else ""
    return f"no file {quoted(name)} in {Path(directory) / group}{did_you_mean(name, known)}{there}"


def _refuse_added(composed: DictConfig) -> None:
    """Refuse settings that are not in the schema: Hydra's ``+name=value`` adds any.

    Raises:
        ConfigError: Names the first.
    """
    known = [leaf.name for leaf in leaves(Config())]
    content = OmegaConf.to_container(composed, resolve=False)
    for name in _names(cast(dict[str, Any], content)):
        if name not in known:
            near = close(name, known)
            hint = f": did you mean {near}?" if near else ""
            raise ConfigError(f"{name} is not a setting{hint}")


def _names(section: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _names(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _nearest_setting(errors: Sequence[BaseException]) -> str:
    """Return the setting that is nearest to the unknown one of an error, as a question."""
    known = [leaf.name for leaf in leaves(Config())]
    known += {name.partition(".")[0] for name in known}
    for error in errors:
        key = str(getattr(error, "full_key", None) or "")
        if key and key not in known and (near := close(key, known)):
            return f": did you mean {near}?"
    return ""


def changed(config: Config, values: Mapping[str, Any]) -> Config:
    """Return a validated copy with other values; much faster than ``compose``.

    Args:
        config: Stays as it is.
        values: Values by dotted name, of the leaves' own types.

    Raises:
        ConfigError: A value is out of range, or settings contradict each other.
    """
    copy = deepcopy(config)
    for name, value in values.items():
        *path, leaf = name.split(".")
        setattr(reduce(getattr, path, copy), leaf, value)
    validate(copy)
    return copy


def validate(config: Config) -> None:
    """Check every setting against its range, and the planner's settings against each other.

    Raises:
        ConfigError: Names the setting, its value and what is allowed.
    """
    check_leaves(config)
    config.planning.size_of(config.planning.preset)


def to_yaml(config: Config) -> str:
    """Return the configuration as YAML, as it is printed and published.

    Raises:
        ConfigError: A text contains an interpolation (``${...}``) that cannot be resolved.
    """
    try:
        return OmegaConf.to_yaml(cast(DictConfig, OmegaConf.structured(config)))
    except OmegaConfBaseException as error:
        raise ConfigError(f"a text in the settings cannot be resolved: {error}") from error
