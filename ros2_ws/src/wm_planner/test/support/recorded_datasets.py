"""Write small datasets of every kind to disk, in upstream's layouts."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor

from wm_planner.datasets import Dataset
from wm_planner.models.spec import Moments, Statistics

LAYOUT = {
    "action": {"x_start": "m", "y_start": "m", "z_start": "m", "x": "m", "y": "m", "z": "m"},
    "state": {"x": "m", "y": "m", "z": "m", "finger": "m", "yaw": "rad"},
    "proprio": ["z", "x", "y"],
    "epsilon": 1e-6,
}


def numbers(seed: int, *shape: int) -> Tensor:
    """Numbers whose columns all have other means and deviations."""
    values = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    columns = torch.arange(1, shape[-1] + 1, dtype=torch.float64)
    episodes = torch.linspace(0.5, 1.5, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return values * columns * episodes + 0.3 * columns


def images(seed: int, steps: int, size: tuple[int, int] = (12, 16)) -> Tensor:
    """A red square that moves over green: uint8 (T, H, W, 3)."""
    video = torch.zeros(steps, *size, 3, dtype=torch.uint8)
    video[..., 1] = 60
    for step in range(steps):
        left = (seed + step) % (size[1] - 4)
        video[step, 2:8, left : left + 4, 0] = 220
    return video


def save(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(value, path)


def point_maze_numbers(directory: Path, episodes: int = 20, steps: int = 11) -> Path:
    save(directory / "actions.pth", numbers(1, episodes, steps, 2))
    save(directory / "states.pth", numbers(2, episodes, steps, 4))
    save(directory / "seq_lengths.pth", torch.tensor([steps - i % 3 for i in range(episodes)]))
    return directory


def point_maze(directory: Path, episodes: int = 20, steps: int = 11) -> Path:
    for index in range(episodes):
        save(directory / f"obses/episode_{index:03d}.pth", images(index, steps))
    return point_maze_numbers(directory, episodes, steps)


def drifting(directory: Path, episodes: int = 4, steps: int = 11) -> Path:
    """A point maze whose states and images move steadily."""
    point_maze_numbers(directory, episodes, steps)
    ramp = torch.arange(steps).reshape(1, -1, 1) + numbers(2, episodes, 1, 4)
    save(directory / "states.pth", ramp)
    for index in range(episodes):
        video = images(index, steps, size=(12, 40))
        save(directory / f"obses/episode_{index:03d}.pth", video)
    return directory


def deformable(directory: Path, episodes: int = 6, steps: int = 5) -> Path:
    save(directory / "actions.pth", numbers(1, episodes, steps, 4))
    save(directory / "states.pth", numbers(2, episodes, steps, 3, 4))
    for index in range(episodes):
        save(directory / f"{index:06d}/obses.pth", images(index, steps).float())
    return directory


def wall(directory: Path, seed: int = 1, episodes: int = 10, steps: int = 7) -> Path:
    save(directory / "actions.pth", numbers(seed, episodes, steps, 2).float())
    save(directory / "states.pth", numbers(seed + 1, episodes, steps, 4).float())
    for index in range(episodes):
        video = images(seed + index, steps).permute(0, 3, 1, 2)
        save(directory / f"obses/episode_{index:03d}.pth", video)
    return directory


def wall_folders(directory: Path) -> Path:
    wall(directory / "train", seed=1, episodes=8)
    wall(directory / "val", seed=5, episodes=3)
    return directory


def pusht(directory: Path, steps: int = 9) -> Path:
    for seed, (folder, episodes) in enumerate((("train", 5), ("val", 3))):
        save(directory / folder / "rel_actions.pth", 100 * numbers(seed, episodes, steps, 2))
        save(directory / folder / "states.pth", numbers(seed + 2, episodes, steps, 5))
        save(directory / folder / "velocities.pth", numbers(seed + 4, episodes, steps, 2))
        lengths = [steps - i for i in range(episodes)]
        (directory / folder / "seq_lengths.pkl").write_bytes(pickle.dumps(lengths))
    return directory


def layout(directory: Path, **changes: object) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "layout.yaml").write_text(yaml.safe_dump({**LAYOUT, **changes}, sort_keys=False))
    return directory


def franka_stacked(directory: Path, episodes: int = 7, steps: int = 6) -> Path:
    layout(directory)
    save(directory / "actions.pth", numbers(1, episodes, steps, 6))
    save(directory / "states.pth", numbers(2, episodes, steps, 5))
    save(directory / "seq_lengths.pth", torch.tensor([steps - i % 2 for i in range(episodes)]))
    return directory


def franka_episodes(directory: Path, episodes: int = 7) -> Path:
    layout(directory)
    for index in range(episodes):
        save(directory / f"{index:06d}/actions.pth", numbers(index, 4 + index, 6))
        save(directory / f"{index:06d}/states.pth", numbers(index + 50, 4 + index, 5))
        save(directory / f"{index:06d}/obses.pth", images(index, 4 + index))
    return directory


def rows(directory: Path, name: str, lengths: list[int], of: slice = slice(None)) -> np.ndarray:
    """Clipped rows (steps, d) of a stacked file, float64."""
    stacked = torch.load(directory / name, weights_only=True).double().numpy()
    pairs = list(zip(stacked, lengths, strict=True))[of]
    return np.concatenate([episode[:length] for episode, length in pairs])


def moments(mean: object, std: object) -> Moments:
    """Moments from anything that NumPy takes."""
    return Moments(np.asarray(mean).tolist(), np.asarray(std).tolist())


def changed(dataset: Dataset, change: Callable[[Moments], Moments]) -> Statistics:
    """The training's statistics with another action."""
    statistics = dataset.statistics()
    statistics.action = change(statistics.action)
    return statistics
