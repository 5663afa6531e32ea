"""Makes the frames of a film: the arm as a bystander sees it, beside the cockpit."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

import mujoco
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from wm_planner.types import RgbImage, Vector
from wm_planner_sim.simulator import franka, table
from wm_planner_sim.simulator.task import Task

Value = TypeVar("Value")

HEIGHT = 800  # [pixels] of both views
BYSTANDER = 550  # [pixels] width of the view of the arm
MARGIN, CAPTION = 12, 34  # [pixels] around the views, and above them
GOAL = (196, 147)  # [pixels] of the goal image in the view of the arm
GROUND, INK, FAINT, EDGE = "#f4f5f7", "#16202a", "#55626f", "#cfd6dd"
LOOK_AT, DISTANCE, AZIMUTH, ELEVATION = (0.36, 0.0, 0.24), 1.72, 137.0, -24.0
"""Where the bystander looks [m], from how far [m], and in which direction [degrees]."""
FINER = 2  # times as many pixels in each direction are rendered, against jagged edges
SHADOWS = 2048  # [pixels] of the map of shadows
QUALITIES = range(92, 40, -4)  # of the WebP, the best that is small enough
PART, STILL_WAY = 0.2, 0.02  # of the cube's way, and its least length [m]; see eventful
STILL_QUALITIES = range(88, 40, -4)  # of the JPEG


class FilmError(RuntimeError):
    """The film cannot be made; the message says why."""


class Track(Generic[Value]):
    """Values with the simulated times at which they came."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self._values: list[Value] = []

    def __len__(self) -> int:
        return len(self.times)

    def add(self, time: float, value: Value) -> None:
        """Add a value; one that is older than the last is left out."""
        if not self.times or time >= self.times[-1]:
            self.times.append(time)
            self._values.append(value)

    def at(self, time: float) -> Value:
        """Return the newest value that was there at a time [s], or the first one."""
        return self._values[max(bisect_right(self.times, time) - 1, 0)]


@dataclass
class Recording:
    """What was seen of a run, by simulated time [s].

    Attributes:
        task: What was simulated.
        joints: Positions of the arm's joints and of the fingers (9,) [rad or m].
        cube: Position and quaternion (x, y, z, w) of the cube (7,).
        pages: Images of the page, as PNG.
        goals: The goal images, with words about each.
        takes: Begin and end of what is shown.
    """

    task: Task
    joints: Track[Vector] = field(default_factory=Track)
    cube: Track[Vector] = field(default_factory=Track)
    pages: Track[bytes] = field(default_factory=Track)
    goals: Track[tuple[RgbImage, str]] = field(default_factory=Track)
    takes: list[tuple[float, float]] = field(default_factory=list)


class Bystander:
    """Renders the arm and the table from beside them.

    Args:
        task: Gives the scene.

    Raises:
        FilmError: The simulator does not publish where all objects of the scene are.
    """

    def __init__(self, task: Task) -> None:
        spec, size = task.scene(), (FINER * HEIGHT, FINER * BYSTANDER)
        spec.visual.global_.offheight, spec.visual.global_.offwidth = size
        spec.visual.quality.shadowsize = SHADOWS
        self._model = model = spec.compile()
        free = np.flatnonzero(model.jnt_type == mujoco.mjtJoint.mjJNT_FREE)
        if unknown := {model.joint(i).name for i in free} - {table.CUBE}:
            raise FilmError(
                f"the task {task.name} cannot be filmed, because the simulator does not publish "
                f"where its object {sorted(unknown)[0]} is: choose another task"
            )
        names = (*franka.JOINT_NAMES, *franka.FINGER_NAMES)
        self._joints = [model.joint(name).qposadr[0] for name in names]
        self._cube = model.joint(table.CUBE).qposadr[0]
        self._data = mujoco.MjData(model)
        self._camera = camera = mujoco.MjvCamera()
        camera.lookat[:] = LOOK_AT
        camera.distance, camera.azimuth, camera.elevation = DISTANCE, AZIMUTH, ELEVATION
        self._renderer = mujoco.Renderer(model, *size)

    def see(self, joints: Vector, cube: Vector) -> Image.Image:
        """Return the view for joints (9,) and a pose of the cube (7,), as in a recording."""
        positions = self._data.qpos
        positions[self._joints] = joints
        positions[self._cube : self._cube + 3] = cube[:3]
        positions[self._cube + 3 : self._cube + 7] = np.roll(cube[3:], 1)  # w comes first
        mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        image = Image.fromarray(self._renderer.render())
        return image.resize((BYSTANDER, HEIGHT), Image.Resampling.LANCZOS)

    def close(self) -> None:
        """Free the renderer."""
        self._renderer.close()


def moments(recording: Recording, rate: float, speed: float) -> list[float]:
    """Return the simulated times [s] of the film's frames.

    Args:
        recording: What was seen.
        rate: Frames per second of the film.
        speed: Simulated seconds that pass in a second of the film.
    """
    return [float(t) for take in recording.takes for t in np.arange(*take, speed / rate)]


def eventful(recording: Recording, times: list[float]) -> int:
    """Return the index of the moment at which the cube has made a part of its first way.

    It is the one in the middle if the cube does not move.
    """
    begin, end = recording.takes[0]
    start, goal = (recording.cube.at(time)[:2] for time in (begin, end))
    way = np.array([np.linalg.norm(recording.cube.at(time)[:2] - start) for time in times])
    if np.linalg.norm(goal - start) < STILL_WAY:
        return len(times) // 2
    return int(np.argmax(way > PART * np.linalg.norm(goal - start)))


def frames(recording: Recording, times: list[float], speed: float) -> Iterator[Image.Image]:
    """Yield the frames of the film, one for each of the ``moments``."""
    begin = times[0]
    bystander = Bystander(recording.task)
    try:
        for time in times:
            arm = bystander.see(recording.joints.at(time), recording.cube.at(time))
            page = Image.open(io.BytesIO(recording.pages.at(time))).convert("RGB")
            note = f"{time - begin:.1f} s of simulated time, at {speed:g}x speed"
            yield _beside(arm, page, *recording.goals.at(time), note)
    finally:
        bystander.close()


def _beside(
    arm: Image.Image, page: Image.Image, goal: RgbImage, words: str, note: str
) -> Image.Image:
    """Return a frame: the arm with the goal image in its corner, and the page."""
    width = round(page.width * HEIGHT / page.height)
    if page.size != (width, HEIGHT):
        page = page.resize((width, HEIGHT), Image.Resampling.LANCZOS)
    left, right = MARGIN, 2 * MARGIN + BYSTANDER
    size = (right + width + MARGIN, CAPTION + HEIGHT + MARGIN)
    frame = Image.new("RGB", size, GROUND)
    draw = ImageDraw.Draw(frame)
    frame.paste(arm, (left, CAPTION))
    frame.paste(page, (right, CAPTION))
    for x, wide in ((left, BYSTANDER), (right, width)):
        draw.rectangle((x - 1, CAPTION - 1, x + wide, CAPTION + HEIGHT), outline=EDGE)
    font, bold = ImageFont.load_default(14), ImageFont.load_default(16)
    draw.text((left, 17), "The simulated arm", INK, bold, anchor="lm")
    draw.text((left + BYSTANDER, 17), note, FAINT, font, anchor="rm")
    draw.text((right, 17), "The cockpit: the planner's page in the browser", INK, bold, anchor="lm")
    corner = (left + BYSTANDER - GOAL[0] - 18, CAPTION + 10)
    draw.rectangle((*corner, corner[0] + GOAL[0] + 7, corner[1] + GOAL[1] + 31), "white", EDGE)
    small = Image.fromarray(goal).resize(GOAL, Image.Resampling.LANCZOS)
    frame.paste(small, (corner[0] + 4, corner[1] + 28))
    draw.text((corner[0] + 8, corner[1] + 15), words, INK, font, anchor="lm")
    return frame


def write_film(path: Path, images: list[Image.Image], rate: float, limit: int) -> int:
    """Write an animated WebP that repeats for ever; return its quality, the best that fits.

    Raises:
        FilmError: It is larger than ``limit`` [bytes] at any quality.
    """

    def encode(quality: int) -> bytes:
        file = io.BytesIO()
        images[0].save(
            file, "WEBP", save_all=True, append_images=images[1:], loop=0,
            duration=round(1000 / rate), quality=quality, method=4, minimize_size=True,
        )  # fmt: skip
        return file.getvalue()

    return _write_best(path, encode, QUALITIES, limit)


def write_still(path: Path, frame: Image.Image, limit: int) -> int:
    """Write a JPEG; return its quality, the best that fits into ``limit`` [bytes].

    Raises:
        FilmError: None fits.
    """

    def encode(quality: int) -> bytes:
        file = io.BytesIO()
        frame.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        return file.getvalue()

    return _write_best(path, encode, STILL_QUALITIES, limit)


def _write_best(path: Path, encode: Callable[[int], bytes], qualities: range, limit: int) -> int:
    for quality in qualities:
        if len(data := encode(quality)) <= limit:
            path.write_bytes(data)
            return quality
    raise FilmError(f"{path} would be larger than {limit / 1e6:g} MB: film fewer goals, or faster")
