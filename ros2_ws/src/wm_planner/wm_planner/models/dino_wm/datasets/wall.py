"""Wall: upstream's ``datasets/wall_dset.py``, split at random or in folders."""

from __future__ import annotations

from pathlib import Path

from wm_planner.models.dino_wm.datasets.arrays import check_stacked, folder_parts, random_parts
from wm_planner.models.dino_wm.datasets.data import Data
from wm_planner.models.dino_wm.datasets.files import DataError, load_tensor
from wm_planner.models.dino_wm.datasets.images import ImageFiles
from wm_planner.models.dino_wm.datasets.options import Options
from wm_planner.models.dino_wm.datasets.rules import Rule
from wm_planner.models.dino_wm.datasets.split import SEED

WORDS = "mean and std (ddof 1) over episodes and steps, in the files' dtype"
RANDOM = Rule(f"{WORDS}, before the split", stacked=True)
FOLDER = Rule(f"{WORDS}, in each folder by itself", stacked=True)


def read(directory: Path, options: Options) -> Data:
    """``actions.pth``, ``states.pth``; the proprio is the whole state.

    With folders, upstream computes statistics in each: the training used those of ``train/``,
    while upstream's ``plan.py`` takes those of ``val/``.
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
        raise DataError(f"{directory}: the steps of train/ and val/ have different numbers")
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

    return Data(
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
        number_files=files,
        images=ImageFiles(image, channels_first=True),
    )
