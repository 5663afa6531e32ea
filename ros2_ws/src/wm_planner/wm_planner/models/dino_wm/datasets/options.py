"""What a training configuration says about its data set."""

from __future__ import annotations

from dataclasses import dataclass

from wm_planner.models.dino_wm.datasets.files import DataError


@dataclass(frozen=True)
class Options:
    """Arguments of upstream's loaders (``conf/env/*.yaml``, ``dataset``).

    Attributes:
        n_rollout: Only the first so many episodes; None or 0: all.
        split_ratio: Share of the episodes that train, where there are no folders.
        normalize_action: False: mean 0 and standard deviation 1 for everything.
        action_scale: Actions on disk are divided by it; None: the data set's own (pusht 100).
        split_mode: ``random``, or ``folder`` for ``train/`` and ``val/`` (wall only).
        object_name: Sub-directory (deformable only): ``rope``, ``granular``.
        with_velocity: The state has the velocities (pusht only).
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
            raise DataError(f"n_rollout must be a number of episodes, not {self.n_rollout}")
        if not 0 < self.split_ratio <= 1:
            raise DataError(f"split_ratio must lie in (0, 1], not {self.split_ratio}")
        if self.action_scale is not None and not self.action_scale > 0:
            raise DataError(f"action_scale must be above 0, not {self.action_scale}")
        if self.split_mode not in ("random", "folder"):
            raise DataError(f"split_mode must be random or folder, not '{self.split_mode}'")

    def count(self, episodes: int) -> int:
        """Episodes the training read of those on disk."""
        return min(self.n_rollout or episodes, episodes)
