"""Collects episodes to learn from: images, positions of the hand, displacements."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wm_planner.images.resize import resize
from wm_planner_sim import scene, seeds
from wm_planner_sim.motion import MAX_STEP, move
from wm_planner_sim.progress import track
from wm_planner_sim.simulation import Simulation

EPISODES = 900
STEPS = 20
RENDER_SIZE = 192
"""Side of the rendered images [pixels], before they are resized to the model's."""
RANDOM_SHARE = 0.6
"""Share of episodes that walk at random; the others go to random places, with noise."""


@dataclass(frozen=True)
class Dataset:
    """Episodes of equal length.

    Attributes:
        images: RGB uint8 (E, T + 1, S, S, 3), resized as the model does.
        positions: Measured tool center point, float32 (E, T + 1, 3) in ``panda_link0`` [m].
        actions: Displacements of the commanded position, float32 (E, T, 3) [m], after clipping to
            the workspace: a wall that the model knew of would tempt the planner to lean on it.
    """

    images: NDArray[np.uint8]
    positions: NDArray[np.float32]
    actions: NDArray[np.float32]

    def digest(self) -> str:
        """SHA-256 of shapes and numbers."""
        state = hashlib.sha256()
        for array in (self.images, self.positions, self.actions):
            state.update(f"{array.shape}{array.dtype.str}".encode())
            state.update(np.ascontiguousarray(array).data)
        return state.hexdigest()

    def save(self, path: Path) -> None:
        """Writes an uncompressed ``.npz`` file."""
        np.savez(path, images=self.images, positions=self.positions, actions=self.actions)

    @classmethod
    def read(cls, path: Path) -> Dataset:
        """Reads what ``save`` wrote."""
        with np.load(path) as arrays:
            return cls(arrays["images"], arrays["positions"], arrays["actions"])


def collect_episode(simulation: Simulation, seed: int, size: int, steps: int = STEPS) -> Dataset:
    """Collects one episode, E = 1, from the scene of ``seed``; equal seeds give equal episodes."""
    rng = np.random.default_rng([seed, 2])
    simulation.reset(seed)
    wanders = rng.random() < RANDOM_SHARE
    place = rng.uniform(scene.WORKSPACE_MIN, scene.WORKSPACE_MAX)
    drift = np.zeros(3)
    images, positions, actions = [simulation.render()], [simulation.ee_position], []
    for step in range(steps):
        if wanders:
            drift = 0.5 * drift + rng.normal(0.0, 0.03, 3)
            action = drift
        else:
            if step and rng.random() < 0.1:
                place = rng.uniform(scene.WORKSPACE_MIN, scene.WORKSPACE_MAX)
            action = 0.6 * (place - simulation.target) + rng.normal(0.0, 0.015, 3)
        action = np.clip(action, -MAX_STEP, MAX_STEP)
        action = simulation.clip(simulation.target + action) - simulation.target
        move(simulation, action)
        images.append(simulation.render())
        positions.append(simulation.ee_position)
        actions.append(action)
    small = resize(torch.from_numpy(np.stack(images)), size).round().to(torch.uint8)
    return Dataset(
        small.permute(0, 2, 3, 1).numpy()[None],
        np.array(positions, dtype=np.float32)[None],
        np.array(actions, dtype=np.float32)[None],
    )


def _collect_chunk(job: tuple[list[int], int, int]) -> Dataset:
    """Collects the episodes of some seeds in a process of its own."""
    torch.set_num_threads(1)
    episode_seeds, size, steps = job
    simulation = Simulation(RENDER_SIZE, RENDER_SIZE)
    try:
        return concatenate(collect_episode(simulation, seed, size, steps) for seed in episode_seeds)
    finally:
        simulation.close()


def concatenate(parts: Iterable[Dataset]) -> Dataset:
    """Joins data sets, one after the other."""
    rows = list(parts)
    return Dataset(
        np.concatenate([part.images for part in rows]),
        np.concatenate([part.positions for part in rows]),
        np.concatenate([part.actions for part in rows]),
    )


def collect(
    episode_seeds: Iterable[int], size: int, steps: int = STEPS, processes: int = 2
) -> Dataset:
    """Collects one episode per seed, in the order of the seeds, whatever the number of processes.

    Args:
        episode_seeds: Seeds of the episodes; see ``seeds``.
        size: Side of the stored images [pixels].
        steps: Model steps per episode, T.
        processes: Worker processes.
    """
    wanted = list(episode_seeds)
    jobs = [(wanted[i : i + 15], size, steps) for i in range(0, len(wanted), 15)]
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        return concatenate(track(pool.map(_collect_chunk, jobs), len(jobs), "collecting"))


def main(arguments: list[str] | None = None) -> None:
    """Collects a data set into a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path, help="file to write, .npz")
    parser.add_argument("--seed", type=int, default=0, help="block of training seeds, 0 to 9")
    parser.add_argument("--episodes", type=int, default=EPISODES)
    parser.add_argument("--size", type=int, default=72, help="side of the images [pixels]")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    block = seeds.training_block(options.seed)[: options.episodes]
    data = collect(block, options.size, processes=options.processes)
    data.save(options.output)
    print(f"{options.output}: {len(data.actions)} episodes, SHA-256 {data.digest()}")


if __name__ == "__main__":
    main()
