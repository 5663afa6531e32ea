"""Point maze: upstream's ``datasets/point_maze_dset.py``."""

from __future__ import annotations

from pathlib import Path

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.options import Options
from wm_planner.datasets.dino_wm.split import SEED, random_parts, random_split
from wm_planner.datasets.episode_images import ImageFiles
from wm_planner.datasets.rule import Rule
from wm_planner.datasets.stacked_arrays import check_stacked
from wm_planner.datasets.tensor_files import load_lengths, load_tensor

RULE = Rule("mean and std (ddof 1) in float32 over the rows up to seq_lengths, before the split")


def read(directory: Path, options: Options) -> Dataset:
    """Read ``actions.pth``, ``states.pth``, ``seq_lengths.pth``; the proprio is the whole state.

    Raises:
        DatasetError: The files are missing, damaged or do not fit each other.
    """
    files = [directory / f"{name}.pth" for name in ("actions", "states", "seq_lengths")]
    scale = options.action_scale or 1.0
    actions, states = load_tensor(files[0]).float() / scale, load_tensor(files[1]).float()
    lengths = check_stacked(directory, actions, states, load_lengths(files[2]))
    parts, words = random_parts(len(lengths), options)
    return Dataset(
        kind="point_maze",
        directory=directory,
        rows={
            "action": actions.unbind(0),
            "proprio": states.unbind(0),
            "state": states.unbind(0),
        },
        lengths=lengths,
        parts=parts,
        training_part="all",
        rule=RULE,
        normalize_action=options.normalize_action,
        action_scale=scale,
        split_rule=words,
        split_seed=SEED,
        split=random_split,
        number_files=files,
        images=ImageFiles(lambda index: directory / "obses" / f"episode_{index:03d}.pth"),
    )
