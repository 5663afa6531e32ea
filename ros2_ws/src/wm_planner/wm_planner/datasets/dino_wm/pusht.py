"""PushT: upstream's ``datasets/pusht_dset.py``, whose statistics are constants."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.options import Options
from wm_planner.datasets.dino_wm.split import folder_parts
from wm_planner.datasets.episode_images import ImageFiles
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.rule import Rule
from wm_planner.datasets.stacked_arrays import check_stacked
from wm_planner.datasets.tensor_files import load_lengths, load_tensor

ACTION_SCALE = 100.0
"""Actions on disk are divided by it."""
ACTION = ([-0.0087, 0.0068], [0.2019, 0.2002])
AGENT = ([236.6155, 264.5674], [101.1202, 87.0112])
BLOCK = ([255.1307, 266.3721, 1.9584], [52.7054, 57.4971, 1.7556])
VELOCITY = ([-2.93032027, 2.54307914], [74.84556075, 74.14009094])
"""Mean and standard deviation of the agent's position, the block's pose, the agent's velocity."""


def constants(*, with_velocity: bool) -> dict[str, tuple[Tensor, Tensor]]:
    """Return upstream's constants; the state is agent and block, the proprio is the agent."""
    extra = VELOCITY if with_velocity else ([], [])
    moments = {
        "action": ACTION,
        "proprio": tuple(a + v for a, v in zip(AGENT, extra, strict=True)),
        "state": tuple(a + b + v for a, b, v in zip(AGENT, BLOCK, extra, strict=True)),
    }
    return {name: (torch.tensor(mean), torch.tensor(std)) for name, (mean, std) in moments.items()}


def read(directory: Path, options: Options) -> Dataset:
    """Read ``rel_actions.pth``, ``states.pth``, ``seq_lengths.pkl`` in ``train/`` and ``val/``.

    With ``with_velocity``, ``velocities.pth`` is appended to state and proprio.

    Raises:
        DatasetError: The files are missing, damaged or do not fit each other.
    """
    scale = options.action_scale or ACTION_SCALE
    rows: dict[str, list[Tensor]] = {"action": [], "proprio": [], "state": []}
    files, lengths, counts = [], [], []
    for folder in (directory / "train", directory / "val"):
        names = ["rel_actions.pth", "states.pth", "seq_lengths.pkl"]
        names += ["velocities.pth"] * options.with_velocity
        files += [folder / name for name in names]
        actions = load_tensor(folder / names[0]).float() / scale
        states = load_tensor(folder / names[1]).float()
        found = check_stacked(folder, actions, states, load_lengths(folder / names[2]))
        proprio = states[..., :2]
        if options.with_velocity:
            velocities = load_tensor(folder / names[3]).float()
            check_stacked(folder, velocities, states, found)
            states = torch.cat([states, velocities], dim=-1)
            proprio = torch.cat([proprio, velocities], dim=-1)
        for name, block in zip(rows, (actions, proprio, states), strict=True):
            rows[name] += block.unbind(0)
        lengths += found
        counts.append(len(found))
    known = constants(with_velocity=options.with_velocity)
    for name, (mean, _) in known.items():
        if (width := rows[name][0].shape[-1]) != len(mean):
            raise DatasetError(
                f"{directory}: {name} has {width} numbers a step, upstream's constants "
                f"{len(mean)}: set with_velocity as the training did"
            )

    def image(index: int) -> Path:
        folder, number = ("train", index) if index < counts[0] else ("val", index - counts[0])
        return directory / folder / "obses" / f"episode_{number:03d}.mp4"

    return Dataset(
        kind="pusht",
        directory=directory,
        rows=dict(rows),
        lengths=lengths,
        parts=folder_parts(counts[0], counts[1], options),
        training_part="train",
        rule=Rule("upstream's constants (pusht_dset.py), never computed", constants=known),
        normalize_action=options.normalize_action,
        action_scale=scale,
        split_rule="folders train/ and val/",
        split_seed=-1,
        number_files=files,
        images=ImageFiles(image),
    )
