"""A dataset: its episodes as a training read them, and their statistics."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wm_planner.datasets.episode_images import EpisodeImages
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.rule import Rule
from wm_planner.files.digest import files_sha256
from wm_planner.models.spec import CONSTANTS, Moments, Provenance, SpecError, Statistics

PARTS = ("all", "train", "validation")
QUANTITIES = ("action", "proprio", "state")


@dataclass(frozen=True, eq=False)
class Episode:
    """One recorded episode of T environment steps.

    Attributes:
        actions: (T, d) float32, in the units of the statistics (after ``action_scale``); action t
            leads from image t to image t + 1.
        proprio: (T, p) float32, not normalized.
        states: (T, s) float32.
    """

    actions: NDArray[np.float32]
    proprio: NDArray[np.float32]
    states: NDArray[np.float32]
    load_images: Callable[[], NDArray[np.uint8] | None] = field(repr=False)

    @cached_property
    def images(self) -> NDArray[np.uint8] | None:
        """Images (T, H, W, 3) in the recorded channel order, read on first use; None: no file."""
        return self.load_images()


@dataclass(frozen=True, eq=False)
class Dataset:
    """A dataset as one training read it.

    Attributes:
        kind: One of ``registry.KINDS``.
        directory: Its directory, or its file.
        rows: Rows (T_i, d) of every episode on disk as the training loads them, by ``action``,
            ``proprio``, ``state``; unused rows after an episode's end included. Without proprio or
            state, d is 0.
        lengths: Steps of each episode on disk.
        parts: Indices of the episodes in ``all`` (all that the training read), ``train`` and
            ``validation``.
        training_part: The part whose statistics the training used.
        rule: How the statistics are computed.
        normalize_action: False: the training uses mean 0 and standard deviation 1 for everything.
        action_scale: What the actions on disk were divided by.
        split_rule: The split in words.
        split_seed: Its seed; -1: the parts are folders.
        number_files: The files of actions, states and lengths; empty if they hold images too.
        images: The images of each episode.
        names: Names of the columns per quantity, if the dataset has them.
        units: Their units.
        split: Splits any number of episodes by any ratio into training and validation episodes;
            None: the parts are folders.
    """

    kind: str
    directory: Path
    rows: dict[str, Sequence[Tensor]]
    lengths: list[int]
    parts: dict[str, list[int]]
    training_part: str
    rule: Rule
    normalize_action: bool
    action_scale: float
    split_rule: str
    split_seed: int
    number_files: list[Path]
    images: EpisodeImages
    names: dict[str, list[str]] = field(default_factory=dict)
    units: dict[str, list[str]] = field(default_factory=dict)
    split: Callable[[int, float], tuple[list[int], list[int]]] | None = None

    @property
    def name(self) -> str:
        """Kind and name of the directory, for the provenance."""
        return f"{self.kind} ({self.directory.absolute().name})"

    @cached_property
    def sha256(self) -> str:
        """Digest of ``number_files`` (see ``files_sha256``), or without any of the actions."""
        if self.number_files:
            return files_sha256(self.directory, self.number_files)
        found = hashlib.sha256(str(self.lengths).encode())
        for rows in self.rows["action"]:
            found.update(rows.contiguous().numpy().tobytes())
        return found.hexdigest()

    @property
    def has_images(self) -> bool:
        """Whether the first episode that the training read has images."""
        return not self.images.state(self.parts["all"][0])

    def __len__(self) -> int:
        return len(self.parts["all"])

    def episode(self, index: int, part: str = "all") -> Episode:
        """Return episode ``index`` of a part.

        Raises:
            DatasetError: There is no such part.
            IndexError: The part has fewer episodes.
        """
        number = self._indices(part)[index]
        action, proprio, state = (
            self.rows[quantity][number][: self.lengths[number]].float().numpy()
            for quantity in QUANTITIES
        )
        length = self.lengths[number]
        if self.rule.drops_nan and np.isnan(action).any():  # such a row is 0 after normalization
            mean = np.asarray(self.moments("action", self.training_part).mean, np.float32)
            action = np.where(np.isnan(action), mean, action)
        return Episode(action, proprio, state, lambda: self.images.load(number, length))

    def measured(
        self, quantity: str, episodes: Sequence[int], *, clip: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return mean and std (d,) of ``quantity`` over episodes on disk, computed by ``rule``.

        Args:
            quantity: ``action``, ``proprio`` or ``state``.
            episodes: Indices of episodes on disk.
            clip: Leave out the rows after an episode's end, as the training does.
        """
        return self.rule.measure([self.counted(quantity, i, clip=clip) for i in episodes])

    def counted(self, quantity: str, index: int, *, clip: bool = True) -> Tensor:
        """Return the rows (n, d) of an episode on disk that count for statistics.

        Args:
            quantity: ``action``, ``proprio`` or ``state``.
            index: Index of the episode on disk.
            clip: Leave out the rows after its end.
        """
        end = self.lengths[index] if clip else None
        return self.rule.counted(self.rows[quantity][index][:end])

    def moments(self, quantity: str, part: str) -> Moments:
        """Return the statistics of one quantity over a part, as the training would use them.

        Raises:
            DatasetError: The part has too few steps, or a column never changes.
        """
        indices = self._indices(part)
        width = self.rows[quantity][0].shape[-1]
        if not self.normalize_action:
            return Moments([0.0] * width, [1.0] * width)
        if self.rule.constants is not None:
            mean, std = self.rule.constants[quantity]
        else:
            mean, std = self.measured(quantity, indices)
        try:
            return Moments(mean.tolist(), std.tolist())
        except SpecError as error:
            raise DatasetError(
                f"{self.directory}: {quantity} over part '{part}' ({len(indices)} episodes) has "
                f"std {std.tolist()}: a number that never changes cannot be normalized"
            ) from error

    def statistics(self, part: str | None = None) -> Statistics:
        """Return the statistics of a part with provenance; by default those the training used.

        Raises:
            DatasetError: There is no such part, it is empty, or a column never changes.
        """
        part = part or self.training_part
        indices = self._indices(part)
        constant = self.rule.constants is not None or not self.normalize_action
        statistics = Statistics(
            action=self.moments("action", part),
            proprio=self._moments_if_any("proprio", part),
            state=self._moments_if_any("state", part),
            provenance=Provenance(
                dataset=self.name,
                dataset_sha256=self.sha256,
                split=CONSTANTS if constant else part,
                split_seed=self.split_seed,
                episodes=len(indices),
                steps=sum(len(self.counted("action", i)) for i in indices),
                formula=self._formula(),
            ),
        )
        statistics.sha256 = statistics.digest()
        return statistics

    def _moments_if_any(self, quantity: str, part: str) -> Moments | None:
        return self.moments(quantity, part) if self.rows[quantity][0].shape[-1] else None

    def _formula(self) -> str:
        words = "normalize_action false: mean 0, std 1"
        if self.normalize_action:
            words = self.rule.words
        scale = f"actions divided by {self.action_scale:g}; " if self.action_scale != 1 else ""
        return f"{scale}{words}; {self.split_rule}; {len(self)} of {len(self.lengths)} episodes"

    def _indices(self, part: str) -> list[int]:
        if part not in PARTS:
            raise DatasetError(f"a dataset has the parts {', '.join(PARTS)}, not '{part}'")
        if not self.parts[part]:
            raise DatasetError(
                f"{self.directory}: part '{part}' has no episodes ({self.split_rule})"
            )
        return self.parts[part]
