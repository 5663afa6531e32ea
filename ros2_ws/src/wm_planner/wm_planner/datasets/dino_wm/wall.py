"""Wall: upstream's ``datasets/wall_dset.py``, split at random or in folders."""

from __future__ import annotations

from pathlib import Path

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.options import Options
from wm_planner.datasets.dino_wm.split import SEED, folder_parts, random_parts, random_split
from wm_planner.datasets.episode_images import ImageFiles
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.rule import Rule
from wm_planner.datasets.stacked_arrays import check_stacked
from wm_planner.datasets.tensor_files import load_tensor

_WORDS = "mean and std (ddof 1) over episodes and steps, in the files' dtype"
RANDOM = Rule(f"{_WORDS}, before the split", stacked=True)
FOLDER = Rule(f"{_WORDS}, in each folder separately", stacked=True)


def read(directory: Path, options: Options) -> Dataset:
    """Read ``actions.pth`` and ``states.pth``; the proprio is the whole state.

    With folders, upstream computes statistics in each. The training used those of ``train/``;
    upstream's ``plan.py`` takes those of ``val/``.

    Raises:
        DatasetError: The files are missing, damaged or do not fit each other.
    """
    folders = ["train", "val"] if options.split_mode == "folder" else ["."]
    scale = options.action_scale or 1.0
    files, actions, states, counts = [], [], [], []
    for folder in folders:
        names = [directory / folder / f"{name}.pth" for name in ("actions", "states")]
        files += names
        actions.append(load_tensor(names[0]) / scale)
        states.append(load_tensor(names[1]))
        counts.append(len(check_stacked(directory / folder, actions[-1], states[-1], None)))
    if len({(a.shape[2], s.shape[2]) for a, s in zip(actions, states, strict=True)}) > 1:
        raise DatasetError(f"{directory}: the steps of train/ and val/ have different numbers")
    rows = [row for block in actions for row in block.unbind(0)]
    state = [row for block in states for row in block.unbind(0)]
    if folders == ["."]:
        parts, words = random_parts(counts[0], options)
    else:
        parts, words = folder_parts(counts[0], counts[1], options), "folders train/ and val/"

    def image(index: int) -> Path:
        inside = index >= counts[0]
        name = f"episode_{index - counts[0] * inside:03d}.pth"
        return directory / folders[int(inside)] / "obses" / name

    return Dataset(
        kind="wall",
        directory=directory,
        rows={
            "action": rows,
            "proprio": state,
            "state": state,
        },
        lengths=[len(row) for row in rows],
        parts=parts,
        training_part="all" if folders == ["."] else "train",
        rule=RANDOM if folders == ["."] else FOLDER,
        normalize_action=options.normalize_action,
        action_scale=scale,
        split_rule=words,
        split_seed=SEED if folders == ["."] else -1,
        split=random_split if folders == ["."] else None,
        number_files=files,
        images=ImageFiles(image, channels_first=True),
    )
