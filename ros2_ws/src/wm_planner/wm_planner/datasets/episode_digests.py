"""Short digests of each episode, so that one that was altered, cut or deleted can be named.

An episode has two, of its numbers and of its images, of ``DIGITS`` hexadecimal digits each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wm_planner.datasets.dataset import QUANTITIES, Dataset
from wm_planner.datasets.episode_images import DIGITS, NO_IMAGES, UNREADABLE
from wm_planner.progress import Progress, silent

_PER_TEXT = 200  # episodes in one text of model.yaml


@dataclass
class Changes:
    """Episodes, by their index among those of the training, that are not as they were.

    Attributes:
        before: Number of episodes when the digests were recorded; 0: none were recorded.
        numbers: Their actions, states or length are others, or they are missing.
        images: Their images are others; of a file above 1 MiB, 16 parts are compared.
        without: They have no file of images, though they had one, or others have.
        unreadable: Their file of images is there and cannot be read, as without permission.
    """

    before: int = 0
    numbers: list[int] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    without: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


def record(dataset: Dataset, progress: Progress = silent) -> list[str]:
    """Return the digests of all episodes that the training read, in texts of bounded length."""
    digests = _digests(dataset, progress)
    return ["".join(digests[i : i + _PER_TEXT]) for i in range(0, len(digests), _PER_TEXT)]


def compare(recorded: Any, dataset: Dataset, progress: Progress = silent) -> Changes:
    """Compare a dataset with the digests that were recorded.

    Args:
        recorded: What ``record`` returned; anything else counts as nothing.
        dataset: The dataset as it is now.
        progress: Shows how far the job is.
    """
    sound = isinstance(recorded, list) and all(isinstance(text, str) for text in recorded)
    packed = "".join(recorded) if sound else ""
    then = [packed[i : i + 2 * DIGITS] for i in range(0, len(packed), 2 * DIGITS)]
    changes = Changes(before=len(then))
    if not then:
        found = [dataset.images.state(number) for number in dataset.parts["all"]]
        missing = [i for i, image in enumerate(found) if image == NO_IMAGES]
        changes.without = missing if len(missing) < len(found) else []
        changes.unreadable = [i for i, image in enumerate(found) if image == UNREADABLE]
        return changes
    now: Sequence[str | None] = _digests(dataset, progress)
    by_numbers = {digest[:DIGITS]: digest for digest in now if digest}
    if by_numbers.keys() != {old[:DIGITS] for old in then} or len(now) != len(then):
        # One may have been added or left out: those behind it have moved.
        there = [*now[: len(then)], *[None] * (len(then) - len(now))]
        now = [
            new if new and new[:DIGITS] == old[:DIGITS] else by_numbers.get(old[:DIGITS])
            for old, new in zip(then, there, strict=True)
        ]
    for index, (old, new) in enumerate(zip(then, now, strict=True)):
        if new is None or old[:DIGITS] != new[:DIGITS]:
            changes.numbers.append(index)
        then_known = not old.endswith((NO_IMAGES, UNREADABLE))
        if new is None or old[DIGITS:] == new[DIGITS:] or not then_known:
            continue
        {NO_IMAGES: changes.without, UNREADABLE: changes.unreadable}.get(
            new[DIGITS:], changes.images
        ).append(index)
    return changes


def _digests(dataset: Dataset, progress: Progress) -> list[str]:
    found, episodes = [], dataset.parts["all"]
    with progress("computing digests of the episodes", len(episodes)) as step:
        for number in episodes:
            state = hashlib.sha256()
            for quantity in QUANTITIES:
                rows = dataset.rows[quantity][number][: dataset.lengths[number]]
                state.update(f"{tuple(rows.shape)}".encode())
                state.update(rows.float().contiguous().numpy().tobytes())
            found.append(state.hexdigest()[:DIGITS] + dataset.images.digest(number))
            step()
    return found
