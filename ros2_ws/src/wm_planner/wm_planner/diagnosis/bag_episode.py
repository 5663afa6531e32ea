"""An episode of a bag, at the model's step rate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.axes import axis_of
from wm_planner.diagnosis.bag import Bag, Topics, read_bag
from wm_planner.diagnosis.bag_clocks import use_one_clock
from wm_planner.diagnosis.bag_stream import JOINTS, NUMBERS, TWIST, Stream
from wm_planner.diagnosis.check_result import OK, WARN, Result, judge
from wm_planner.diagnosis.episode import Episode, RecordingError
from wm_planner.diagnosis.image_delay import Film, small_gray
from wm_planner.files.bag_files import BagFiles, open_bag
from wm_planner.files.errors import FileFormatError
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import ModelSpec
from wm_planner.text import one_line
from wm_planner.types import Vector

MAX_STEPS = 100
"""Most model steps that are read from a bag."""
MOST_IMAGES = 300
"""Most images that are compared with the motion."""


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
    try:
        with open_bag(path) as files:
            return _episode(files, spec, topics, policy)
    except (FileFormatError, OSError) as error:
        reason = one_line(str((isinstance(error, OSError) and error.strerror) or error))
        raise RecordingError(f"{path} cannot be read as a bag: {reason}") from error


def _episode(files: BagFiles, spec: ModelSpec, topics: Topics, policy: ImagePolicy) -> Episode:
    findings: list[Result] = []
    try:
        bag = read_bag(files, topics)
        findings = [_complete(bag)]
        clocks, notes = use_one_clock(bag.streams, spec.proprio.names)
        source = bag.streams.get("command") or bag.streams.get("pose")
        if source is None:
            raise RecordingError(
                f"{files.path} has neither commands nor measured poses: name their topics with "
                "--command-topic or --pose-topic"
            )
        findings.append(clocks)
        times, frames = _grid(bag, source, spec, notes)
        if source.topic == getattr(bag.streams.get("pose"), "topic", None):
            notes.append("No commands were recorded: actions are taken from the measured poses.")
        actions = _actions(source, times, spec, notes)
    except RecordingError as error:
        # What is missing may be what could not be read.
        found = [f.sentence for f in findings if f.sentence] or [files.damage()]
        said = (part.rstrip(".") for part in (str(error), *found) if part)
        raise RecordingError(". ".join(said)) from error
    joints, pose = bag.streams.get("joints"), bag.streams.get("pose")
    places = {}
    if pose is not None:
        places = {axis: pose.at(times, i) for i, axis in enumerate("xyz")}
        notes += _frame_note(pose, spec)
    images, film = _images(bag, times, frames, policy)
    findings[0] = _complete(bag)  # now with the images
    return Episode(
        name=f"bag {files.path}",
        actions=actions,
        images=images,
        proprio=_proprio(spec, times, pose, joints, notes),
        places=places,
        notes=tuple(notes),
        findings=tuple(findings),
        film=film,
    )


def _complete(bag: Bag) -> Result:
    """Return what of the bag cannot be read."""
    damage = bag.damage
    lost = bag.files.lost.total() + bag.unreadable.total()
    read = sum(len(stream.times) for stream in bag.streams.values())
    sentence = f"The bag is not whole: {damage}."
    return judge(
        "complete",
        float(lost or bool(damage)),
        0.0,
        WARN if damage else OK,
        sentence,
        f"{read} messages were read, none is missing",
    )


def _images(
    bag: Bag, times: Vector, frames: list[int], policy: ImagePolicy
) -> tuple[NDArray[np.uint8], Film | None]:
    """Decode the images of the frames, (K + 1, H, W, 3), and small ones of the same time."""
    camera = bag.streams["image"]
    track = bag.streams.get("pose") or bag.streams.get("joints")
    stamps = np.asarray(camera.times)
    during = np.nonzero((stamps >= times[0]) & (stamps <= times[-1]))[0]
    stride = max(1, -(-len(during) // MOST_IMAGES))
    between = set(during[::stride].tolist()) if track is not None else set()
    whole: dict[int, NDArray[np.uint8]] = {}
    small: dict[int, NDArray[np.float64]] = {}
    for index, image in bag.decoded(frames, between, policy):
        if index in frames:
            whole[index] = image
        if index in between:
            small[index] = small_gray(image)
    if len({image.shape for image in whole.values()}) > 1:
        raise RecordingError(
            f"{bag.path}: images of {camera.topic} change their size during the recording: "
            "record with one camera setting"
        )
    images = np.stack([whole[index] for index in frames])
    if track is None or len({image.shape for image in small.values()}) != 1:
        return images, None
    order = sorted(small, key=lambda index: stamps[index])
    moments, first = np.unique(track.times, return_index=True)
    film = Film(
        stamps[order],
        np.stack([small[index] for index in order]),
        moments,
        np.array(track.values)[first],
        (camera.topic, track.topic),
    )
    return images, film


def _grid(bag: Bag, source: Stream, spec: ModelSpec, notes: list[str]) -> tuple[Vector, list[int]]:
    """Return the times of the frames (K + 1,) and the indices of their images."""
    step = spec.step_duration
    used = [
        stream
        for role, stream in bag.streams.items()
        if role != "joints" or set(stream.names) & set(spec.proprio.names)
    ]
    begin = max(min(s.times) for s in used)
    end = min(max(s.times) for s in used)
    steps = min(int((end - begin) / step + 1e-6), MAX_STEPS)
    if steps < 1:
        raise RecordingError(
            f"{bag.path}: its topics ({', '.join(s.topic for s in used)}) overlap for "
            f"{max(end - begin, 0):.2f} s, but one model step lasts {step:.2f} s: record longer"
        )
    camera = bag.streams["image"]
    times = begin + step * np.arange(steps + 1, dtype=np.float64)
    frames, keep = _nearest(camera.times, times, step)
    if keep < len(times):
        # The median keeps a camera that is late, or has another clock, where it was.
        shift = float(np.median(np.subtract(camera.times, camera.received)))
        recorded = [time + shift * (abs(shift) > 1.0) for time in camera.received]
        better, further = _nearest(recorded, times, step)
        if further > keep:
            notes.append(
                f"The stamps on {camera.topic} do not tell when images were taken (they are "
                "rounded, stand still or jump), although images were recorded in every model step: "
                "their times of recording were used. Have the driver stamp each image."
            )
            camera.times, frames, keep = recorded, better, further
    if keep < 2:
        raise RecordingError(
            f"{bag.path}: images on {camera.topic} are more than one model step ({step:.2f} s) "
            "apart, by their stamps and by their times of recording: record at a higher rate"
        )
    if keep < len(times):
        times, frames = times[:keep], frames[:keep]
        notes.append(f"Images are missing after {keep - 1} model steps: the rest is ignored.")
    return times, frames


def _nearest(stamps: Sequence[float], times: Vector, step: float) -> tuple[list[int], int]:
    """Return the image nearest to each time, and how many times have one that is near enough.

    Images that come often enough may be a step away: their phase is any, and stamps jitter.
    """
    taken = np.asarray(stamps, dtype=np.float64)
    frames = [int(np.abs(taken - time).argmin()) for time in times]
    often = len(taken) > 1 and np.median(np.diff(np.sort(taken))) < 1.05 * step
    far = np.abs(taken[frames] - times) > (step if often else step / 2)
    return frames, int(far.argmax()) if far.any() else len(times)


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
        rows = np.array(source.values)[source.before(ticks[:-1])]
        return np.asarray(rows.reshape(steps, skip, -1))
    if source.kind == JOINTS:
        if missing := [name for name in names if name not in source.names]:
            raise RecordingError(
                f"{source.topic} has no joints named {', '.join(missing)}, which the model's "
                "actions move: name another with --command-topic"
            )
        columns = [source.at(ticks[1:], source.names.index(name)) for name in names]
        return np.stack(columns, axis=1).reshape(steps, skip, -1)
    command = spec.action.command
    if command is None:
        raise RecordingError(
            f"{source.topic} carries poses, but model.yaml does not say which columns of an action "
            "are x, y and z: add action.command to it"
        )
    if source.kind == TWIST:
        velocity = np.array(source.values)[source.before(ticks[:-1])]
        moved = velocity / spec.control_rate
        if command.mode == "absolute":
            raise RecordingError(
                f"{source.topic} carries velocities, but the model's actions are positions: name a "
                "topic of poses with --command-topic"
            )
    else:
        track = np.stack([source.at(ticks, i) for i in range(3)], axis=1)
        moved = np.diff(track, axis=0) if command.mode == "relative" else track[1:]
    rows = np.tile(np.array(spec.statistics.action.mean), (len(moved), 1))
    read = command.moved
    rows[:, [names.index(name) for name in read.values()]] = moved[:, list(read)]
    if others := [name for name in names if name not in read.values()]:
        notes.append(
            f"Of {', '.join(others)}, the training's mean is used: {source.topic} has only the "
            "position of the hand."
        )
    return rows.reshape(steps, skip, -1)


def _proprio(
    spec: ModelSpec, times: Vector, pose: Stream | None, joints: Stream | None, notes: list[str]
) -> Vector | None:
    """Return the states (K + 1, P): joints by name, coordinates by axis; None if one is missing."""
    columns = []
    for name in spec.proprio.names:
        axis = axis_of(name)
        if joints is not None and name in joints.names:
            column = joints.at(times, joints.names.index(name))
            if not np.isfinite(column).all():
                notes.append(
                    f"All positions of '{name}' on {joints.topic} are NaN: predictions cannot be "
                    "examined."
                )
                return None
            columns.append(column)
        elif pose is not None and axis:
            columns.append(pose.at(times, "xyz".index(axis)))
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
