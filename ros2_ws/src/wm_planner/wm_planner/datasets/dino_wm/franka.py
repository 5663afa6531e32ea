"""A dataset of your own robot, whose ``layout.yaml`` names every number.

The directory holds ``layout.yaml`` (all four entries are needed)::

    action: {x_start: m, y_start: m, z_start: m, x_end: m, y_end: m, z_end: m}  # in order
    state: {x: m, y: m, z: m, qx: "1", qy: "1", qz: "1", qw: "1"}
    proprio: [x, y, z]   # the numbers of the state that the model takes, in its order
    epsilon: 1.0e-6      # what the training adds to every standard deviation, or 0.0

and the numbers in one of three forms:

* stacked: ``actions.pth`` (N, T, d), ``states.pth`` (N, T, s) and, if some episodes are shorter
  than T, ``seq_lengths.pth`` (N,); images ``obses/episode_000.pth`` (T, H, W, 3);
* a directory per episode (``000000``, ``000001``, …) with ``actions.pth`` (T, d) and ``states.pth``
  (T, s); images ``obses.pth`` (T, H, W, 3) in it;
* a directory per episode with ``obses.pth`` and a file per step (``00.h5``, ``01.h5``, …) that has
  ``action`` (d,) and ``eef_states`` (…, s), as ``franka_cube_stack_dset.py`` of Jacob1we/dino_wm
  (12de742) records them. This form needs the package ``h5py``; a missing step counts as zeros.

The rule is that of the same file: NaN counts as 0, and the statistics are computed over all
episodes before upstream's split.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from wm_planner.datasets.dataset import Dataset
from wm_planner.datasets.dino_wm.column_layout import LAYOUT_FILE, read_layout
from wm_planner.datasets.dino_wm.hdf5_steps import read_steps
from wm_planner.datasets.dino_wm.options import Options
from wm_planner.datasets.dino_wm.split import SEED, random_parts, random_split
from wm_planner.datasets.episode_images import ImageFiles
from wm_planner.datasets.errors import DatasetError
from wm_planner.datasets.rule import Rule
from wm_planner.datasets.stacked_arrays import check_stacked
from wm_planner.datasets.tensor_files import load_lengths, load_tensor


def read(directory: Path, options: Options) -> Dataset:
    """Read a dataset with a ``layout.yaml``, in any of the forms above.

    Raises:
        DatasetError: A file is missing, damaged or does not fit the others.
    """
    layout = read_layout(directory)
    scale = options.action_scale or 1.0
    stacked = (directory / "actions.pth").is_file()
    folders = sorted(d for d in directory.iterdir() if d.is_dir() and d.name.isdigit())
    if stacked:
        actions, states, lengths, files = _stacked(directory)
    elif folders:
        actions, states, files = _episodes(folders)
        lengths = [len(action) for action in actions]
    else:
        raise DatasetError(f"{directory} has neither actions.pth nor directories 000000, 000001, …")
    _check_widths(directory, "actions", actions, layout.action)
    _check_widths(directory, "states", states, layout.state)
    actions = [torch.nan_to_num(row.float(), nan=0.0) / scale for row in actions]
    states = [torch.nan_to_num(row.float(), nan=0.0) for row in states]
    parts, words = random_parts(len(lengths), options)

    def image(index: int) -> Path:
        if stacked:
            return directory / "obses" / f"episode_{index:03d}.pth"
        return folders[index] / "obses.pth"

    epsilon = f" + {layout.epsilon:g}" if layout.epsilon else ""
    return Dataset(
        kind="franka",
        directory=directory,
        rows={
            "action": actions,
            "proprio": [row[:, layout.proprio_columns] for row in states],
            "state": states,
        },
        lengths=lengths,
        parts=parts,
        training_part="all",
        rule=Rule(
            f"mean and std (ddof 1){epsilon} in float32 over all rows, NaN as 0, before the split",
            layout.epsilon,
        ),
        normalize_action=options.normalize_action,
        action_scale=scale,
        split_rule=words,
        split_seed=SEED,
        split=random_split,
        number_files=[directory / LAYOUT_FILE, *files],
        images=ImageFiles(image),
        names={
            "action": list(layout.action),
            "proprio": layout.proprio,
            "state": list(layout.state),
        },
        units={
            "action": list(layout.action.values()),
            "proprio": [layout.state[name] for name in layout.proprio],
            "state": list(layout.state.values()),
        },
    )


def _check_widths(
    directory: Path, name: str, rows: list[Tensor], columns: Mapping[str, str]
) -> None:
    if widths := {row.shape[-1] for row in rows} - {len(columns)}:
        raise DatasetError(
            f"{directory}: {name} have {sorted(widths)} numbers a step, {LAYOUT_FILE} names "
            f"{len(columns)}: {', '.join(columns)}"
        )


def _stacked(directory: Path) -> tuple[list[Tensor], list[Tensor], list[int], list[Path]]:
    files = [directory / "actions.pth", directory / "states.pth"]
    actions, states = (load_tensor(file) for file in files)
    ends = directory / "seq_lengths.pth"
    given = load_lengths(ends) if ends.is_file() else None
    lengths = check_stacked(directory, actions, states, given)
    files += [ends] if given else []
    return list(actions.unbind(0)), list(states.unbind(0)), lengths, files


def _episodes(folders: list[Path]) -> tuple[list[Tensor], list[Tensor], list[Path]]:
    actions, states, files = [], [], []
    for folder in folders:
        if (folder / "actions.pth").is_file():
            own = [folder / "actions.pth", folder / "states.pth"]
            action, state = (load_tensor(file) for file in own)
        else:
            action, state, own = read_steps(folder)
        if action.ndim != 2 or state.ndim != 2 or len(action) != len(state) or not len(action):
            raise DatasetError(
                f"{folder}: actions {tuple(action.shape)} and states {tuple(state.shape)} must be "
                "(steps, numbers) with the same steps"
            )
        actions.append(action)
        states.append(state)
        files += own
    return actions, states, files
