"""Point maze: upstream's ``datasets/point_maze_dset.py``."""

from __future__ import annotations

from pathlib import Path

from wm_planner.models.dino_wm.datasets.arrays import check_stacked, random_parts
from wm_planner.models.dino_wm.datasets.data import Data
from wm_planner.models.dino_wm.datasets.files import load_lengths, load_tensor
from wm_planner.models.dino_wm.datasets.images import ImageFiles
from wm_planner.models.dino_wm.datasets.options import Options
from wm_planner.models.dino_wm.datasets.rules import Rule
from wm_planner.models.dino_wm.datasets.split import SEED

RULE = Rule("mean and std (ddof 1) in float32 over the rows up to seq_lengths, before the split")


def read(directory: Path, options: Options) -> Data:
    """``actions.pth``, ``states.pth``, ``seq_lengths.pth``; the proprio is the whole state."""
    files = [directory / f"{name}.pth" for name in ("actions", "states", "seq_lengths")]
    scale = options.action_scale or 1.0
    actions, states = load_tensor(files[0]).float() / scale, load_tensor(files[1]).float()
    lengths = check_stacked(directory, actions, states, load_lengths(files[2]))
    parts, words = random_parts(len(lengths), options)
    return Data(
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
        number_files=files,
        images=ImageFiles(lambda index: directory / "obses" / f"episode_{index:03d}.pth"),
    )
