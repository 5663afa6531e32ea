"""The configuration from YAML files, overrides and parameters, and back to YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict
from functools import reduce
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wm_planner.config.root import Config
from wm_planner.config.schema import ConfigError, check_leaves, leaves
from wm_planner.files.plain_settings import fill
from wm_planner.files.plain_yaml import read_yaml, yaml_problem
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

    Texts are taken as they are, so ``${oc.env:HOME}`` is no reference to the environment.

    Returns:
        The validated configuration.

    Raises:
        ConfigError: A file or setting is unknown, has the wrong type or is out of range, or
            settings contradict each other.
    """
    ConfigStore.instance().store(name=SCHEMA_NAME, node=Config)
    try:
        folder = Path(directory).resolve()
        if not folder.is_dir():
            raise ConfigError(f"{directory} is no directory: give the one of the YAML files")
        _check_overrides(overrides)
        _check_files(folder, name, overrides)
        with initialize_config_dir(str(folder), version_base="1.3"):
            composed = hydra_compose(name, overrides=list(overrides))
        content = cast(dict[str, Any], OmegaConf.to_container(composed, resolve=False))
        _refuse_added(content)
        config = fill(Config, content, *(_nested(name, v) for name, v in (values or {}).items()))
    except MissingConfigException as error:
        raise ConfigError(_missing_file(error, directory)) from error
    except ConfigError:
        raise
    except yaml.YAMLError as error:  # of a file that was not found here
        raise ConfigError(f"a file in {directory} is not YAML: {yaml_problem(error)}") from error
    except (HydraException, OmegaConfBaseException, OverflowError, ValueError) as error:
        errors = [e for e in (error, error.__cause__) if e is not None and str(e)]
        reasons = [one_line(str(e).splitlines()[0], SHOWN) for e in errors]
        key = str(getattr(error, "full_key", None) or "")
        if key and key not in reasons[0]:
            reasons.insert(0, one_line(key, SHOWN))
        if "input '${" in reasons[0]:
            reasons.append(f"half a reference in a file in {directory} or an override")
        raise ConfigError(": ".join(reasons) + _nearest_setting(errors)) from error
    validate(config)
    return config


def _missing_file(error: MissingConfigException, directory: str | Path) -> str:
    """Return the sentence about a file that does not exist, with those that do."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    files = (Path(directory) / group).glob("*.yaml")
    known = error.options or sorted(file.stem for file in files if file.is_file())
    there = f" There are {listed(known)}." if known else ""
    return f"no file {quoted(name)} in {Path(directory) / group}{did_you_mean(name, known)}{there}"


def _check_files(folder: Path, name: str, overrides: Sequence[str]) -> None:
    """Check that the YAML files that Hydra will read are plain, before it reads them.

    Raises:
        ConfigError: One has aliases, repeated keys, too many values or an impossible value, or
            settings of Hydra itself.
    """
    pairs = [override.lstrip("+").partition("=") for override in overrides]
    groups = [f"{group}/{value}" for group, _, value in pairs if (folder / group).is_dir()]
    waiting, seen = [name, *groups], set[str]()
    while waiting:
        name = waiting.pop()
        file = folder / f"{name}.yaml"
        if name in seen or not file.exists():
            continue  # Hydra says that there is none, and which there are
        seen.add(name)
        try:
            content = read_yaml(file)
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error
        except yaml.YAMLError as error:
            raise ConfigError(f"{file} is not plain YAML: {yaml_problem(error)}") from error
        if isinstance(content, dict):
            if "hydra" in content:
                raise ConfigError(f"{file}: hydra is not a setting: leave it out")
            waiting += _named(content.get("defaults"), name.rpartition("/")[0])


def _named(defaults: Any, folder: str) -> list[str]:
    """Return the files that a list of defaults names, relative to the folder of settings."""
    found = []
    for entry in defaults if isinstance(defaults, list) else []:
        for group, value in entry.items() if isinstance(entry, dict) else [("", entry)]:
            names = value if isinstance(value, list) else [value]
            group = str(group).split(" ")[-1].partition("@")[0]
            for part in (f"{group}/{name}".partition("@")[0].strip("/") for name in names):
                found += [part, f"{folder}/{part}".lstrip("/")]
    return found


def _check_overrides(overrides: Sequence[str]) -> None:
    """Refuse overrides of Hydra itself, and names of files that Hydra would resolve.

    Raises:
        ConfigError: Names the override.
    """
    known = {leaf.name for leaf in leaves(Config())}
    for override in overrides:
        name, _, value = override.partition("=")
        if name.strip("+~ ").partition(".")[0] == "hydra":
            raise ConfigError(f"{quoted(override)}: hydra is not a setting")
        if "${" in value and name.strip("+ ") not in known:
            raise ConfigError(f"{quoted(override)} refers to another value: write it out")


def _nested(name: str, value: Any) -> dict[str, Any]:
    """Return a value of a dotted name as nested mappings."""
    return reduce(lambda inner, key: {key: inner}, reversed(name.split(".")), value)


def _refuse_added(content: Mapping[str, Any]) -> None:
    """Refuse settings that are not in the schema: Hydra's ``+name=value`` adds any.

    Raises:
        ConfigError: Names the first.
    """
    known = [leaf.name for leaf in leaves(Config())]
    for name in _names(content):
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


def differences(config: Config) -> list[str]:
    """Return the settings that are not the schema's defaults, as ``name=value``."""
    defaults = {leaf.name: leaf.value for leaf in leaves(Config())}
    return [f"{x.name}={x.value}" for x in leaves(config) if x.value != defaults[x.name]]


def to_yaml(config: Config) -> str:
    """Return the configuration as YAML, as it is printed and published."""
    return yaml.dump(asdict(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Dumper(yaml.SafeDumper):
    """Quotes texts that OmegaConf, unlike PyYAML, would read as numbers, such as ``1e3``."""

    def represent_text(self, text: str) -> yaml.Node:
        try:
            float(text)
        except ValueError:
            return self.represent_str(text)
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="'")


_Dumper.add_representer(str, _Dumper.represent_text)
