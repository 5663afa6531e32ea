"""Short digests of each episode, so that one that was altered, cut or deleted can be named."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wm_planner.datasets.dataset import QUANTITIES, Dataset
from wm_planner.files.regular import check_regular, open_regular

DIGITS = 8
"""Hexadecimal digits of a digest; two of them, of numbers and images, are an episode's."""
NO_IMAGES = "-" * DIGITS
UNREADABLE = "?" * DIGITS
_PER_TEXT = 200  # episodes in one text of model.yaml
_BLOCKS, _BLOCK = 16, 1 << 16  # of a larger file of images, as many blocks of this size count


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


def record(dataset: Dataset) -> list[str]:
    """Return the digests of all episodes that the training read, in texts of bounded length."""
    digests = list(_digests(dataset))
    return ["".join(digests[i : i + _PER_TEXT]) for i in range(0, len(digests), _PER_TEXT)]


def compare(recorded: Any, dataset: Dataset) -> Changes:
    """Compare a dataset with the digests that were recorded.

    Args:
        recorded: What ``record`` returned; anything else counts as nothing.
        dataset: The dataset as it is now.
    """
    sound = isinstance(recorded, list) and all(isinstance(text, str) for text in recorded)
    packed = "".join(recorded) if sound else ""
    then = [packed[i : i + 2 * DIGITS] for i in range(0, len(packed), 2 * DIGITS)]
    changes = Changes(before=len(then))
    if not then:
        found = [_look_at(dataset.images.path(number)) for number in dataset.parts["all"]]
        missing = [i for i, image in enumerate(found) if image == NO_IMAGES]
        changes.without = missing if len(missing) < len(found) else []
        changes.unreadable = [i for i, image in enumerate(found) if image == UNREADABLE]
        return changes
    now: Sequence[str | None] = list(_digests(dataset))
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


def _digests(dataset: Dataset) -> Iterator[str]:
    for number in dataset.parts["all"]:
        state = hashlib.sha256()
        for quantity in QUANTITIES:
            rows = dataset.rows[quantity][number][: dataset.lengths[number]]
            state.update(f"{tuple(rows.shape)}".encode())
            state.update(rows.float().contiguous().numpy().tobytes())
        yield state.hexdigest()[:DIGITS] + _file_digest(dataset.images.path(number))


def _file_digest(path: Path) -> str:
    """Return a digest of a file's size and content, or of some of it.

    Dashes if it is missing, question marks if it cannot be read.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            state = hashlib.sha256(f"{size}".encode())
            for place in _places(size):
                file.seek(place)
                state.update(file.read(_BLOCK))
    except FileNotFoundError:
        return NO_IMAGES
    except OSError:
        return UNREADABLE
    return state.hexdigest()[:DIGITS]


def _look_at(path: Path) -> str:
    """Return whether a file is missing or cannot be read; empty if it can."""
    try:
        check_regular(path)
    except FileNotFoundError:
        return NO_IMAGES
    except OSError:
        return UNREADABLE
    return ""


def _places(size: int) -> Sequence[int]:
    """Return where to read blocks: everywhere, or evenly spread from the first to the last."""
    if size <= _BLOCKS * _BLOCK:
        return range(0, size, _BLOCK)
    return [i * (size - _BLOCK) // (_BLOCKS - 1) for i in range(_BLOCKS)]
