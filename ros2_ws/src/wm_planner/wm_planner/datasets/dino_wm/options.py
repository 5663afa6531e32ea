"""The settings of a DINO-WM training that say how it reads its dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wm_planner.datasets.errors import DatasetError


@dataclass(frozen=True)
class Options:
    """Arguments of upstream's loaders (``conf/env/*.yaml``, ``dataset``).

    Attributes:
        n_rollout: Number of episodes to read, from the first; None or 0: all.
        split_ratio: Share of the episodes that train, if they are not split in folders.
        normalize_action: False: mean 0 and standard deviation 1 for everything.
        action_scale: Actions on disk are divided by it; None: the kind's own (100 for pusht).
        split_mode: ``random``, or ``folder`` for ``train/`` and ``val/`` (wall only).
        object_name: Subdirectory, ``rope`` or ``granular`` (deformable only).
        with_velocity: Whether the state has the velocities (pusht only).

    Raises:
        DatasetError: A value is out of its range.
    """

    n_rollout: int | None = None
    split_ratio: float = 0.9
    normalize_action: bool = True
    action_scale: float | None = None
    split_mode: str = "random"
    object_name: str = ""
    with_velocity: bool = True

    def __post_init__(self) -> None:
        if self.n_rollout is not None and self.n_rollout < 0:
            raise DatasetError(f"n_rollout must be a number of episodes, not {self.n_rollout}")
        if not 0 < self.split_ratio <= 1:
            raise DatasetError(f"split_ratio must lie in (0, 1], not {self.split_ratio}")
        if self.action_scale is not None and not self.action_scale > 0:
            raise DatasetError(f"action_scale must be above 0, not {self.action_scale}")
        if self.split_mode not in ("random", "folder"):
            raise DatasetError(f"split_mode must be random or folder, not '{self.split_mode}'")

    def count(self, episodes: int) -> int:
        """Return how many of the episodes on disk the training reads."""
        return min(self.n_rollout or episodes, episodes)


def make_options(settings: Mapping[str, Any]) -> Options:
    """Make options of settings that may come from a file.

    Raises:
        DatasetError: A setting is unknown, of a wrong type or out of its range.
    """
    try:
        return Options(**settings)
    except TypeError as error:
        raise DatasetError(
            f"a setting of the dataset (hydra.yaml's env.dataset) is unknown or of a wrong type: "
            f"{error}"
        ) from error
