"""Read a training run of DINO-WM: ``hydra.yaml`` and ``checkpoints/``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from wm_planner.conversion.errors import ConversionError
from wm_planner.files.home import expanded
from wm_planner.files.plain_yaml import read_yaml, yaml_problem

CONFIG_FILE = "hydra.yaml"

_T = TypeVar("_T")


@dataclass(frozen=True)
class Configuration:
    """The resolved configuration of a training, as ``train.py`` writes it (lines 110-111).

    Attributes:
        path: The file.
        content: Its settings.
    """

    path: Path
    content: Mapping[str, Any]

    def get(self, key: str, kind: type[_T]) -> _T:
        """Return the setting under a dotted key.

        Raises:
            ConversionError: It is missing or of another type.
        """
        value = self.find(key)
        if type(value) is not kind:
            what = "lacks" if value is None else f"has the unusable value {value!r} for"
            raise ConversionError(
                f"{self.path} {what} {key}: give the {CONFIG_FILE} that DINO-WM's training wrote "
                "beside checkpoints/, unchanged"
            )
        return value

    def find(self, key: str) -> Any:
        """Return the value under a dotted key, or None."""
        value: Any = self.content
        for name in key.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def check_agrees(self, key: str, found: Any, what: str) -> None:
        """Check a size from the checkpoint against a setting, if the configuration has it.

        Raises:
            ConversionError: They contradict each other.
        """
        said = self.find(key)
        if said is not None and said != found:
            raise ConversionError(
                f"{self.path} says {key} is {said!r}, but {what} {found!r} in the checkpoint: "
                "hydra.yaml and checkpoint are of different runs"
            )


@dataclass(frozen=True)
class Run:
    """A run and the checkpoint chosen from it."""

    directory: Path
    checkpoint: Path
    configuration: Configuration


def looks_like_dino_wm(run: Path) -> bool:
    """Decide whether a path is the directory of a training of DINO-WM."""
    return (run / CONFIG_FILE).exists() or (run / "checkpoints").is_dir()


def read_run(directory: str | Path, checkpoint: str = "latest") -> Run:
    """Find a run's configuration and checkpoint.

    Args:
        directory: Holds ``hydra.yaml`` and ``checkpoints/``.
        checkpoint: ``latest``, an epoch, or the name of a file in ``checkpoints/``.

    Raises:
        ConversionError: There is no such run or checkpoint, or the configuration is unusable.
    """
    directory = expanded(directory)
    configuration = _read_configuration(directory)
    folder = directory / "checkpoints"
    name = checkpoint if checkpoint.endswith(".pth") else f"model_{checkpoint}.pth"
    if Path(name).name != name or not os.path.lexists(folder / name):
        there = sorted(file.name for file in folder.glob("*.pth"))
        raise ConversionError(
            f"{folder} has no {name}; it has {', '.join(there) or 'no checkpoint at all'}: choose "
            "one with --checkpoint"
        )
    return Run(directory, folder / name, configuration)


def check_epoch(path: Path, epoch: int) -> None:
    """Check that a numbered file holds the checkpoint of that epoch.

    Raises:
        ConversionError: It was renamed.
    """
    numbered = re.fullmatch(r"model_(\d+)\.pth", path.name)
    if numbered and int(numbered[1]) != epoch:
        raise ConversionError(
            f"{path} holds epoch {epoch}, not {numbered[1]}: the file was renamed; give it its "
            "old name"
        )


def check_repeated(config: Configuration) -> None:
    """Check that settings which upstream's configuration repeats are equal.

    Raises:
        ConversionError: It contradicts itself.
    """
    for key, other in (
        ("env.dataset.transform.img_size", "img_size"),
        ("model.image_size", "img_size"),
        ("model.num_hist", "num_hist"),
    ):
        said, expected = config.find(key), config.get(other, int)
        if said is not None and said != expected:
            raise ConversionError(
                f"{config.path} says {key} is {said}, but {other} is {expected}: give the file as "
                "the training wrote it, unchanged"
            )


def _read_configuration(directory: Path) -> Configuration:
    path = directory / CONFIG_FILE
    try:
        content = read_yaml(path)
    except OSError as error:
        raise ConversionError(
            f"{path} cannot be read ({error.strerror or error}): give the directory of a training "
            f"run, which holds {CONFIG_FILE} and checkpoints/"
        ) from error
    except yaml.YAMLError as error:
        raise ConversionError(f"{path} is not valid YAML: {yaml_problem(error)}") from error
    if not isinstance(content, dict):
        raise ConversionError(f"{path} is not a mapping of settings: no training wrote it")
    if "hydra" in content or _refers(content):
        raise ConversionError(
            f"{path} is one of Hydra's own files (.hydra/): give the resolved {CONFIG_FILE} that "
            "DINO-WM's training writes beside checkpoints/"
        )
    return Configuration(path, content)


def _refers(value: Any) -> bool:
    """Return whether a value is nothing but a reference to another one (``${...}``)."""
    if isinstance(value, dict | list):
        return any(map(_refers, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and value.startswith("${") and value.endswith("}")
