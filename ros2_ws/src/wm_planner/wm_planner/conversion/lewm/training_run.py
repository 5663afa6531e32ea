"""Find the checkpoint of a LeWM training and the configuration beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wm_planner.conversion.errors import ConversionError
from wm_planner.files.home import expanded
from wm_planner.files.regular import read_regular
from wm_planner.text import listed, one_line

CONFIG_FILE = "config.json"
MAX_CONFIG = 1_000_000
"""Largest configuration [bytes]."""
SUFFIXES = (".pt", ".pth", ".ckpt")
NORMALIZER_FILE = "normalizer.pt"
"""Statistics that H-JEPA's training leaves beside its checkpoints."""
_NO_WEIGHTS = ("normalizer", "prior")  # beginnings of other files' names
_EPOCH = re.compile(r"epoch[_=](\d+)")


@dataclass(frozen=True)
class Configuration:
    """The configuration of the networks, a tree of Hydra's ``_target_`` entries or without them.

    Attributes:
        path: The file.
        content: Its settings, from where ``predictor`` is; empty if there is no file.
    """

    path: Path
    content: Mapping[str, Any]

    def number(self, key: str) -> int | None:
        """Return the whole number under a dotted key; None if there is none."""
        value = self.find(key)
        return value if type(value) is int else None

    def find(self, key: str) -> Any:
        """Return the value under a dotted key, or None."""
        value: Any = self.content
        for name in key.split("."):
            value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def check_agrees(self, key: str, found: Any) -> None:
        """Check a size of the checkpoint against a setting, if the configuration has it.

        Raises:
            ConversionError: They contradict each other.
        """
        said = self.find(key)
        plain = isinstance(said, (int, float, str)) and not isinstance(said, bool)
        if plain and said != found and not str(said).startswith("$"):
            raise ConversionError(
                f"{self.path} says {key} is {one_line(repr(said), 60)}, but the checkpoint's "
                f"tensors say {found}: the two are of different trainings"
            )


@dataclass(frozen=True)
class Run:
    """A checkpoint and what lies beside it.

    Attributes:
        checkpoint: The file.
        configuration: Of the networks.
        normalizer: The file of statistics beside the checkpoint, or None.
        epoch: The epoch in the file's name; -1: it has none.
    """

    checkpoint: Path
    configuration: Configuration
    normalizer: Path | None
    epoch: int


def looks_like_lewm(run: Path) -> bool:
    """Decide whether a path is a checkpoint file, or a directory with one, of LeWM."""
    return run.is_file() or (run.is_dir() and bool(_checkpoints(run)))


def read_run(path: Path, checkpoint: str = "latest") -> Run:
    """Find a checkpoint.

    Args:
        path: The checkpoint, or the directory that holds it.
        checkpoint: ``latest``, an epoch, or the name of a file in the directory. The latest is
            ``weights.pt``, which is written after the last epoch, or else that of the highest
            epoch.

    Raises:
        ConversionError: There is no such checkpoint, it is not clear which is meant, or the
            configuration is unusable.
    """
    path = expanded(path)
    if path.is_dir():
        path = _chosen(path, checkpoint)
    elif checkpoint != "latest":
        raise ConversionError(f"{path} is a file already: leave out --checkpoint")
    normalizer = path.with_name(NORMALIZER_FILE)
    return Run(
        checkpoint=path,
        configuration=_configuration(path.with_name(CONFIG_FILE)),
        normalizer=normalizer if os.path.lexists(normalizer) else None,
        epoch=_epoch(path),
    )


def _checkpoints(directory: Path) -> list[Path]:
    return sorted(
        file
        for file in directory.iterdir()
        if file.suffix in SUFFIXES and not file.name.startswith(_NO_WEIGHTS)
    )


def _chosen(directory: Path, checkpoint: str) -> Path:
    found = _checkpoints(directory)
    if checkpoint != "latest":
        named = [file for file in found if file.name == checkpoint]
        named = named or [file for file in found if str(_epoch(file)) == checkpoint]
        if len(named) == 1:
            return named[0]
    else:
        finished = [file for file in found if file.name == "weights.pt"]
        if len(finished) == 1 and all(file.name.startswith("weights") for file in found):
            return finished[0]
        series = {_EPOCH.sub("", file.name) for file in found}
        if len(series) == 1:
            return max(found, key=_epoch)
    names = listed([file.name for file in found], 9)
    if checkpoint != "latest":
        wanted = one_line(checkpoint, 60)
        raise ConversionError(
            f"{directory} has no checkpoint {wanted}; it has {names}: name one of them"
        )
    raise ConversionError(f"{directory} has {names}: choose one with --checkpoint")


def _epoch(file: Path) -> int:
    numbers = _EPOCH.findall(file.name)
    return int(numbers[-1][:9]) if numbers else -1


def _configuration(path: Path) -> Configuration:
    if not os.path.lexists(path):
        return Configuration(path, {})
    try:
        content = json.loads(read_regular(path, MAX_CONFIG))
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is not valid JSON: {one_line(str(error), 200)}") from error
    for place in (content, content.get("model") if isinstance(content, dict) else None):
        if isinstance(place, dict) and isinstance(place.get("predictor"), dict):
            return Configuration(path, place)
    raise ConversionError(
        f"{path} describes no LeWM model (it has no predictor): give the {CONFIG_FILE} that the "
        "training wrote, or move it away to answer by options what it would say"
    )
