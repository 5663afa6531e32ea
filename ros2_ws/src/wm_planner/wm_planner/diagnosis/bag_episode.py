"""An episode of a bag, at the model's step rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.axes import axis_of
from wm_planner.diagnosis.bag import JOINTS, NUMBERS, TWIST, Bag, Stream, Topics, read_bag
from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import ModelSpec
from wm_planner.types import Vector

MAX_STEPS = 100
"""Most model steps that are read from a bag."""


def bag_episode(path: Path, spec: ModelSpec, topics: Topics, policy: ImagePolicy) -> Episode:
    """Read an episode from a bag.

    It begins when all streams have begun. Each model step has the image nearest to it and
    ``frameskip`` actions: displacements or positions of the commanded pose, or of the measured
    pose if no commands were recorded.

    Args:
        path: The bag.
        spec: Has the columns of actions and state, and the duration of a step.
        topics: Names of the bag's topics.
        policy: How images are decoded.

    Raises:
        RecordingError: The bag cannot be read or lacks what an episode needs.
    """
    bag = read_bag(path, topics)
    source = bag.streams.get("command") or bag.streams.get("pose")
    if source is None:
        raise RecordingError(
            f"{path} has neither commands nor measured poses: name their topics with "
            "--command-topic or --pose-topic"
        )
    times, frames, notes = _grid(bag, source, spec)
    if source.topic == getattr(bag.streams.get("pose"), "topic", None):
        notes.append("No commands were recorded: actions are taken from the measured poses.")
    actions = _actions(source, times, spec, notes)
    joints, pose = bag.streams.get("joints"), bag.streams.get("pose")
    places = {}
    if pose is not None:
        places = {axis: _at(pose, times, i) for i, axis in enumerate("xyz")}
        notes += _frame_note(pose, spec)
    return Episode(
        name=f"bag {path}",
        actions=actions,
        images=bag.images(frames, policy),
        proprio=_proprio(spec, times, pose, joints, notes),
        places=places,
        notes=tuple(notes),
    )


def _grid(bag: Bag, source: Stream, spec: ModelSpec) -> tuple[Vector, list[int], list[str]]:
    """Return the times of the frames (K + 1,), the indices of their images, and notes."""
    step = spec.step_duration
    needed = [s for s in bag.streams.values() if s.kind != JOINTS or spec.proprio.names]
    begin = max(min(s.times) for s in needed)
    end = min(max(s.times) for s in needed)
    steps = min(int((end - begin) / step + 1e-6), MAX_STEPS)
    if steps < 1:
        raise RecordingError(
            f"{bag.path}: its topics ({', '.join(s.topic for s in needed)}) overlap for "
            f"{max(end - begin, 0):.2f} s, but one model step lasts {step:.2f} s: record longer"
        )
    stamps = np.asarray(bag.streams["image"].times, dtype=np.float64)
    times = begin + step * np.arange(steps + 1, dtype=np.float64)
    frames = [int(np.abs(stamps - time).argmin()) for time in times]
    far = np.abs(stamps[frames] - times) > step / 2
    notes = []
    if far.any():
        keep = int(far.argmax())
        if keep < 2:
            raise RecordingError(
                f"{bag.path}: images on {bag.streams['image'].topic} are more than one model step "
                f"({step:.2f} s) apart: record at a higher rate"
            )
        times, frames = times[:keep], frames[:keep]
        notes.append(f"Images are missing after {keep - 1} model steps: the rest is ignored.")
    return times, frames, notes


def _actions(source: Stream, times: Vector, spec: ModelSpec, notes: list[str]) -> Vector:
    """Return the actions (K, frameskip, A) in the spec's order and units."""
    steps, skip, names = len(times) - 1, spec.frameskip, spec.action.names
    # The start of the first environment step and the end of each.
    ticks = np.interp(np.arange(steps * skip + 1) / skip, np.arange(steps + 1), times)
    if source.kind == NUMBERS:
        if len(source.values[0]) != len(names):
            raise RecordingError(
                f"{source.topic} carries {len(source.values[0])} numbers, but an action of this "
                f"model has {len(names)} ({', '.join(names)}): name another with --command-topic"
            )
        rows = np.array(source.values)[_before(source, ticks[:-1])]
        return np.asarray(rows.reshape(steps, skip, -1))
    if source.kind == JOINTS:
        if missing := [name for name in names if name not in source.names]:
            raise RecordingError(
                f"{source.topic} has no joints named {', '.join(missing)}, which the model's "
                "actions move: name another with --command-topic"
            )
        columns = [_at(source, ticks[1:], source.names.index(name)) for name in names]
        return np.stack(columns, axis=1).reshape(steps, skip, -1)
    command = spec.action.command
    if command is None:
        raise RecordingError(
            f"{source.topic} carries poses, but model.yaml does not say which columns of an action "
            "are x, y and z: add action.command to it"
        )
    if source.kind == TWIST:
        velocity = np.array(source.values)[_before(source, ticks[:-1])]
        moved = velocity / spec.control_rate
        if command.mode == "absolute":
            raise RecordingError(
                f"{source.topic} carries velocities, but the model's actions are positions: name a "
                "topic of poses with --command-topic"
            )
    else:
        track = np.stack([_at(source, ticks, i) for i in range(3)], axis=1)
        moved = np.diff(track, axis=0) if command.mode == "relative" else track[1:]
    rows = np.tile(np.array(spec.statistics.action.mean), (len(moved), 1))
    rows[:, [names.index(name) for name in command.position]] = moved
    if others := [name for name in names if name not in command.position]:
        notes.append(f"Poses do not have {', '.join(others)}: the training's mean is used.")
    return rows.reshape(steps, skip, -1)


def _proprio(
    spec: ModelSpec, times: Vector, pose: Stream | None, joints: Stream | None, notes: list[str]
) -> Vector | None:
    """Return the states (K + 1, P): joints by name, coordinates by axis; None if one is missing."""
    columns = []
    for name in spec.proprio.names:
        axis = axis_of(name)
        if joints is not None and name in joints.names:
            columns.append(_at(joints, times, joints.names.index(name)))
        elif pose is not None and axis:
            columns.append(_at(pose, times, "xyz".index(axis)))
        else:
            notes.append(f"The bag has no state '{name}': predictions cannot be examined.")
            return None
    return np.stack(columns, axis=1) if columns else None


def _frame_note(pose: Stream, spec: ModelSpec) -> list[str]:
    if not pose.frames or pose.frames == {spec.action.frame}:
        return []
    return [
        f"Poses on {pose.topic} are in frame {', '.join(sorted(pose.frames))}, the model's actions "
        f"in {spec.action.frame}: if one is rotated against the other, the axes do not match."
    ]


def _at(stream: Stream, times: Vector, column: int) -> Vector:
    """Return one number of a stream at these times, interpolated linearly."""
    order = np.argsort(stream.times, kind="stable")
    values = np.array(stream.values)[order, column]
    return np.interp(times, np.array(stream.times)[order], values)


def _before(stream: Stream, times: Vector) -> NDArray[np.intp]:
    """Return the index of the last message at or before each time."""
    return np.maximum(np.searchsorted(stream.times, times + 1e-9, side="right") - 1, 0)
