"""From a bag's streams to an episode at the model's step rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.bag import JOINTS, NUMBERS, TWIST, Bag, Stream, Topics, read_bag
from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.diagnosis.layout import axis_of
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import ModelSpec
from wm_planner.types import Vector

MAX_STEPS = 100
"""Model steps taken from a bag, from its first command on."""


def episode(path: Path, spec: ModelSpec, topics: Topics, policy: ImagePolicy) -> Episode:
    """Make an episode of a bag.

    From the moment all streams have begun, one frame a model step (the image nearest to it), and
    as many actions as the model takes in between: displacements or positions of the commanded pose
    on the command topic, or of the measured one where no commands were recorded.

    Args:
        path: The bag.
        spec: Says what an action and the state are, and how long a step lasts.
        topics: Names in the bag.
        policy: How images are decoded.

    Raises:
        RecordingError: The bag cannot be read or lacks what an episode needs.
    """
    bag = read_bag(path, topics)
    source = bag.streams.get("command") or bag.streams.get("pose")
    if source is None:
        raise RecordingError(
            f"{path} has neither commands nor measured poses: name the topics with --command-topic "
            "and --pose-topic"
        )
    times, frames, notes = _grid(bag, source, spec)
    if source.topic == getattr(bag.streams.get("pose"), "topic", None):
        notes.append("No commands were recorded: actions are displacements of the measured pose.")
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
    """Times of the frames (K + 1,), the indices of their images, notes."""
    step = spec.step_duration
    needed = [s for s in bag.streams.values() if s.kind != JOINTS or spec.proprio.names]
    begin = max(min(s.times) for s in needed)
    end = min(max(s.times) for s in needed)
    steps = min(int((end - begin) / step + 1e-6), MAX_STEPS)
    if steps < 1:
        raise RecordingError(
            f"{bag.path}: its topics ({', '.join(s.topic for s in needed)}) overlap for "
            f"{max(end - begin, 0):.2f} s, one model step lasts {step:.2f} s: record longer"
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
                f"{bag.path}: images on {bag.streams['image'].topic} come less often than every "
                f"{step:.2f} s, one model step: record at a higher rate"
            )
        times, frames = times[:keep], frames[:keep]
        notes.append(f"Images stop for a while after {keep - 1} model steps: cut there.")
    return times, frames, notes


def _actions(source: Stream, times: Vector, spec: ModelSpec, notes: list[str]) -> Vector:
    """(K, frameskip, A) in the spec's order and units."""
    steps, skip, names = len(times) - 1, spec.frameskip, spec.action.names
    # Ends of the environment steps, the beginning in front.
    ticks = np.interp(np.arange(steps * skip + 1) / skip, np.arange(steps + 1), times)
    if source.kind == NUMBERS:
        if len(source.values[0]) != len(names):
            raise RecordingError(
                f"{source.topic} carries {len(source.values[0])} numbers, an action of this model "
                f"has {len(names)} ({', '.join(names)})"
            )
        rows = np.array(source.values)[_before(source, ticks[:-1])]
        return np.asarray(rows.reshape(steps, skip, -1))
    if source.kind == JOINTS:
        if missing := [name for name in names if name not in source.names]:
            raise RecordingError(
                f"{source.topic} has no joints named {', '.join(missing)}, numbers of the action"
            )
        columns = [_at(source, ticks[1:], source.names.index(name)) for name in names]
        return np.stack(columns, axis=1).reshape(steps, skip, -1)
    command = spec.action.command
    if command is None:
        raise RecordingError(
            f"{source.topic} carries poses, but model.yaml has no action.command: what x, y and z "
            "mean to the model is not known"
        )
    if source.kind == TWIST:
        velocity = np.array(source.values)[_before(source, ticks[:-1])]
        moved = velocity / spec.control_rate
        if command.mode == "absolute":
            raise RecordingError(f"{source.topic} carries velocities, the model's are positions")
    else:
        track = np.stack([_at(source, ticks, i) for i in range(3)], axis=1)
        moved = np.diff(track, axis=0) if command.mode == "relative" else track[1:]
    rows = np.tile(np.array(spec.statistics.action.mean), (len(moved), 1))
    rows[:, [names.index(name) for name in command.position]] = moved
    if others := [name for name in names if name not in command.position]:
        notes.append(f"{', '.join(others)} cannot be told from poses: the training's mean is used.")
    return rows.reshape(steps, skip, -1)


def _proprio(
    spec: ModelSpec, times: Vector, pose: Stream | None, joints: Stream | None, notes: list[str]
) -> Vector | None:
    """(K + 1, P): joints by name, coordinates by the axis in theirs; None: one is missing."""
    columns = []
    for name in spec.proprio.names:
        axis = axis_of(name)
        if joints is not None and name in joints.names:
            columns.append(_at(joints, times, joints.names.index(name)))
        elif pose is not None and axis:
            columns.append(_at(pose, times, "xyz".index(axis)))
        else:
            notes.append(f"The bag has no state '{name}': predictions were not examined.")
            return None
    return np.stack(columns, axis=1) if columns else None


def _frame_note(pose: Stream, spec: ModelSpec) -> list[str]:
    if not pose.frames or pose.frames == {spec.action.frame}:
        return []
    return [
        f"Poses on {pose.topic} are in {', '.join(sorted(pose.frames))}, actions in "
        f"{spec.action.frame}: if those frames are turned, the axes do not fit."
    ]


def _at(stream: Stream, times: Vector, column: int) -> Vector:
    """One number of a stream at these times, linear in between."""
    order = np.argsort(stream.times, kind="stable")
    values = np.array(stream.values)[order, column]
    return np.interp(times, np.array(stream.times)[order], values)


def _before(stream: Stream, times: Vector) -> NDArray[np.intp]:
    """Index of the last message at or before each time."""
    return np.maximum(np.searchsorted(stream.times, times + 1e-9, side="right") - 1, 0)
