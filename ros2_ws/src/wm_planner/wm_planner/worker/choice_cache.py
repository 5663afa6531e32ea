"""Choices of ``fastest.py``, kept in the user's cache folder for the next start."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from wm_planner.config import Config
from wm_planner.files.regular import read_regular
from wm_planner.files.whole import write_whole
from wm_planner.message_limits import MAX_TEXT
from wm_planner.models.device import driver
from wm_planner.models.protocol import WorldModel
from wm_planner.text import one_line
from wm_planner.worker.from_settings import objective_for

VERSION = 2
"""Of the trials and of how rollouts are computed; raised when one of them changes."""
MOST_BYTES = 100_000
NOWHERE = Path("/dev/null")
"""Home of a user without one: nothing can be kept there."""


class ChoiceCache:
    """The file of one choice: by device, driver, PyTorch, model and the settings that matter.

    Whatever cannot be read or written is as if it were not there: the choice is then made again.

    Attributes:
        way: The way as it was given to ``keep``, or None.
        words: What was measured, one line.
    """

    def __init__(self, model: WorldModel, config: Config, ways: list[dict[str, str]]) -> None:
        """Read the file; ``ways`` are those that can be chosen."""
        asked, planning = config.model, config.planning
        cuda = model.device.type == "cuda"
        depends_on = [
            VERSION,
            torch.cuda.get_device_name(model.device) if cuda else "cpu",
            driver(),
            torch.__version__,
            asdict(model.spec),
            ways,
            [asked.precision, asked.compute, asked.approximation],
            [planning.preset, planning.horizon, planning.chunk, planning.memory_limit],
            str(objective_for(model.spec, config.objective)),
        ]
        digest = hashlib.sha256(json.dumps(depends_on, default=str).encode()).hexdigest()
        self._path = _folder() / f"compute-{digest[:16]}.json"
        content = self._read()
        words = content.get("words")
        valid = isinstance(words, str)
        self.way: object = content.get("way") if valid else None
        self.words = one_line(words, MAX_TEXT) if isinstance(words, str) else ""

    def keep(self, way: dict[str, str], words: str) -> None:
        """Write a choice; the file appears whole or not at all."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps({"way": way, "words": words}))

    def forget(self) -> None:
        """Delete the file."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(read_regular(self._path, MOST_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}


def _folder() -> Path:
    """Return the folder of the XDG base directory specification; it need not exist."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not given.is_absolute():
        home = Path(os.path.expanduser("~"))
        given = (home if home.is_absolute() else NOWHERE) / ".cache"
    return given / "wm_planner"
