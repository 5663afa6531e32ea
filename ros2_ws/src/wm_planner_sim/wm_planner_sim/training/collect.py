"""Collects training episodes of a task: images, positions, actions."""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wm_planner.cli.arguments import whole_number
from wm_planner.cli.json_text import json_text
from wm_planner.cli.terminal_progress import shown_progress
from wm_planner.ending import explained
from wm_planner.files.digest import files_sha256
from wm_planner.files.errors import FileFormatError
from wm_planner.files.npz import read_npz
from wm_planner.files.whole import PARTIAL, whole_file
from wm_planner.help_texts import add_output_options, parser_with_examples
from wm_planner.images.resize import resize
from wm_planner.progress import Progress, silent
from wm_planner.types import RgbImage
from wm_planner_sim.evaluation.workers import in_processes, process_count
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.motion import move
from wm_planner_sim.simulator.simulation import Simulation
from wm_planner_sim.simulator.tasks import add_task, find_task
from wm_planner_sim.training.recipes import RECIPES

RENDER_SIZE = 192
"""Side of the rendered images [pixels], before they are resized for the model."""
MOST_PIXELS = 1024
"""Largest side of images that are asked for."""
CHUNK = 15
"""Episodes that a worker process collects at a time."""


@dataclass(frozen=True)
class Dataset:
    """Episodes of equal length.

    Attributes:
        images: RGB uint8 (E, T + 1, S, S, 3), resized as the model does it; S is 0 without images.
        positions: The task's ``labels``, float32 (E, T + 1, P) in ``panda_link0`` [m]; for
            ``reach`` the measured tool center point.
        actions: The numbers of the task's ``actions``, float32 (E, T, A): displacements of the
            commanded position [m], after clipping to the workspace, and the gripper's. A model that
            learned that walls stop the hand would let the planner push against them.
    """

    images: NDArray[np.uint8]
    positions: NDArray[np.float32]
    actions: NDArray[np.float32]

    def digest(self) -> str:
        """Return the SHA-256 of shapes and numbers."""
        state = hashlib.sha256()
        for array in (self.images, self.positions, self.actions):
            state.update(f"{array.shape}{array.dtype.str}".encode())
            state.update(np.ascontiguousarray(array).data)
        return state.hexdigest()

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz`` file, which appears whole."""
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez(file, images=self.images, positions=self.positions, actions=self.actions)

    @classmethod
    def read(cls, path: Path) -> Dataset:
        """Read what ``save`` wrote.

        Raises:
            FileFormatError: The file is something else.
            OSError: It cannot be read.
        """
        try:
            arrays = read_npz(path)
            return cls(arrays["images"], arrays["positions"], arrays["actions"])
        except (FileFormatError, KeyError) as error:
            raise FileFormatError(f"{path} was not written by collect: {error}") from error


def collect_episode(simulation: Simulation, seed: int, size: int, steps: int) -> Dataset:
    """Collect one episode, E = 1, from the scene of ``seed``; equal seeds give equal episodes.

    With a ``size`` of 0 nothing is rendered.
    """
    simulation.reset(seed)
    task = simulation.task
    explore = task.explore(simulation, np.random.default_rng([seed, 2]))
    images, positions, actions = [_image(simulation, size)], [task.labels(simulation)], []
    for _ in range(steps):
        action = task.allowed(explore(simulation.target), simulation.target)
        move(simulation, action)
        images.append(_image(simulation, size))
        positions.append(task.labels(simulation))
        actions.append(action)
    return Dataset(
        np.stack(images)[None],
        np.array(positions, dtype=np.float32)[None],
        np.array(actions, dtype=np.float32)[None],
    )


def _image(simulation: Simulation, size: int) -> RgbImage:
    """Return what the camera sees, uint8 (size, size, 3)."""
    if not size:
        return np.zeros((0, 0, 3), dtype=np.uint8)
    small = resize(torch.from_numpy(simulation.render())[None], size).round().to(torch.uint8)
    return small[0].permute(1, 2, 0).numpy()


def concatenate(parts: Iterable[Dataset]) -> Dataset:
    """Join datasets in their order."""
    rows = list(parts)
    return Dataset(
        np.concatenate([part.images for part in rows]),
        np.concatenate([part.positions for part in rows]),
        np.concatenate([part.actions for part in rows]),
    )


def collect(
    task: str,
    episode_seeds: Iterable[int],
    size: int,
    steps: int,
    processes: int = 2,
    parts: Path | None = None,
    progress: Progress = silent,
) -> Dataset:
    """Collect one episode per seed, in the order of the seeds, with any number of processes.

    Args:
        task: Name of the task.
        episode_seeds: Seeds of the episodes; see ``seeds``.
        size: Side of the stored images [pixels]; 0 to store none.
        steps: Model steps per episode, T.
        processes: Worker processes.
        parts: Folder that keeps finished episodes until all are there; a collection that was
            stopped goes on from them.
        progress: Shows how far the job is.
    """
    wanted = list(episode_seeds)
    chunks = [wanted[i : i + CHUNK] for i in range(0, len(wanted), CHUNK)]
    jobs = [(task, chunk, size, steps, parts) for chunk in chunks]
    found = []
    with progress(f"collecting {len(wanted)} episodes", len(wanted)) as step:
        for part in in_processes(_collect_chunk, jobs, processes):
            found.append(part)
            step(len(part.actions))
    return concatenate(found)


def _collect_chunk(job: tuple[str, list[int], int, int, Path | None]) -> Dataset:
    """Collect episodes in a process of its own, or read them if they are there."""
    task, episode_seeds, size, steps, parts = job
    if parts is None:
        return _collect_episodes(task, episode_seeds, size, steps)
    file = parts / f"{task}-{size}-{steps}-{episode_seeds[0]}-{len(episode_seeds)}.npz"
    if not file.exists():
        _collect_episodes(task, episode_seeds, size, steps).save(file)
    return Dataset.read(file)


def _collect_episodes(task: str, episode_seeds: list[int], size: int, steps: int) -> Dataset:
    simulation = Simulation(RENDER_SIZE, RENDER_SIZE, task=find_task(task))
    try:
        return concatenate(collect_episode(simulation, seed, size, steps) for seed in episode_seeds)
    finally:
        simulation.close()


def _folder_of_parts(file: Path) -> Path:
    """Make the folder of the episodes until all are there, if the file can be written.

    Raises:
        OSError: It cannot.
        ValueError: There is something else of its name.
    """
    if file.exists() and not file.is_file():
        raise ValueError(f"{file} is not a file: name another one")
    parts = file.with_name(f"{file.name}.{_program()}{PARTIAL}")
    try:
        parts.mkdir(exist_ok=True)
    except OSError as error:  # which names a folder that nobody asked for
        raise OSError(error.errno, error.strerror, str(file)) from error
    return parts


def _program() -> str:
    """Return a digest of the program, so that episodes of another version are not used."""
    root = Path(__file__).parents[1]
    files = [Path(__file__), *(root / "simulator").rglob("*.py")]
    return files_sha256(root, files)[:8]


def make_parser() -> argparse.ArgumentParser:
    """Return the program's parser."""
    parser = parser_with_examples(
        "python -m wm_planner_sim.training.collect",
        "Collect training episodes of a task into a file: images, positions, actions. "
        "A command that was stopped goes on when it is given again.",
        "Exit code: 0 if the file was written, else 2; the message says why.",
        "reach.npz",
        "push.npz --task push --episodes 100 --processes 8",
    )
    add = parser.add_argument
    add("output", type=Path, metavar="FILE", help="file to write, .npz")
    add_task(parser)
    add(
        "--seed", type=whole_number(0, seeds.BLOCKS - 1), default=0, metavar="N",
        help="block of training seeds, 0 to 9 (%(default)s)",
    )  # fmt: skip
    add(
        "--episodes", type=whole_number(1, seeds.PER_RUN), metavar="N",
        help="number of episodes, if not the recipe's",
    )  # fmt: skip
    add(
        "--size", type=whole_number(0, MOST_PIXELS), default=72, metavar="PIXELS",
        help="side of the images (%(default)s); 0: none",
    )  # fmt: skip
    add(
        "--processes", type=process_count, default=2, metavar="N",
        help="worker processes (%(default)s)",
    )  # fmt: skip
    add_output_options(parser)
    return parser


@explained("collect")
def main(arguments: list[str] | None = None) -> None:
    """Collect a dataset into a file; a command that was stopped goes on when it is given again."""
    options = make_parser().parse_args(arguments)
    recipe = RECIPES[options.task]
    block = seeds.training_block(options.seed)[: options.episodes or recipe.episodes]
    parts = _folder_of_parts(options.output)
    data = collect(
        options.task,
        block,
        options.size,
        recipe.steps,
        processes=options.processes,
        parts=parts,
        progress=shown_progress(options.quiet or options.json),
    )
    data.save(options.output)
    shutil.rmtree(parts)
    count, digest = len(data.actions), data.digest()
    if options.json:
        found = {"file": str(options.output), "episodes": count, "sha256": digest}
        print(json_text(found))
    else:
        print(f"{options.output}: {count} episodes\nSHA-256 {digest}")


if __name__ == "__main__":
    main()
