"""``ModelSpec``: everything that ``model.yaml`` says about one world model."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wm_planner.message_limits import MAX_NAME, MAX_VIEWS
from wm_planner.models.spec.action import ActionSpec
from wm_planner.models.spec.calibration import Calibration
from wm_planner.models.spec.errors import SpecError
from wm_planner.models.spec.file import SPEC_FILE, write_content
from wm_planner.models.spec.formats import FORMAT
from wm_planner.models.spec.gripper import ProprioGripper
from wm_planner.models.spec.image import ImageSpec
from wm_planner.models.spec.numbers import check, check_free, number
from wm_planner.models.spec.rotation import ProprioRotation
from wm_planner.models.spec.statistics import Statistics
from wm_planner.models.spec.weights import WeightsFile, check_files
from wm_planner.text import listed, quoted
from wm_planner.types import Observation

METRICS = ("l2", "l1", "cos")
REDUCTIONS = ("mean", "sum")
_TOPIC = re.compile("[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")


@dataclass
class ProprioSpec:
    """Names and units of the proprio, in the model's order; empty if the model takes none.

    Attributes:
        names: One name per number.
        units: One unit per number.
        rotation: Which of the numbers are an orientation; None if none is, or if they are given as
            the numbers of a quaternion (qx, qy, qz, qw).
        gripper: Which of the numbers is the gripper's width; None if none is, or if it is given as
            positions of its joints.
    """

    names: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    rotation: ProprioRotation | None = None
    gripper: ProprioGripper | None = None

    def __post_init__(self) -> None:
        check(self, "proprio")
        if len(self.names) != len(self.units):
            raise SpecError(f"proprio has {len(self.names)} names but {len(self.units)} units")
        if len(set(self.names)) != len(self.names):
            raise SpecError(f"proprio.names ({listed(self.names)}) has a name twice")
        parts = []
        if self.rotation:
            parts.append(("rotation", self.rotation.names, self.rotation.form.unit))
        if self.gripper:
            parts.append(("gripper", [self.gripper.name], self.gripper.unit))
        used: set[str] = set()
        for part, names, unit in parts:
            if missing := [name for name in names if name not in self.names]:
                raise SpecError(
                    f"proprio.{part} names {listed(missing)}, which proprio.names lacks"
                )
            if len(set(names)) != len(names) or used & set(names):
                raise SpecError(f"proprio.{part} ({listed(names)}) names a number twice")
            used.update(names)
            if wrong := [name for name in names if self.units[self.names.index(name)] != unit]:
                raise SpecError(f"proprio.{part} needs {unit}; {listed(wrong)} has another unit")


@dataclass
class Training:
    """How far the training went, so that an early checkpoint is recognized.

    Attributes:
        epoch: Epoch of the checkpoint; -1: unknown.
        epochs: Epochs that were planned; -1: unknown.
        seed: Seed of the training; -1: unknown.
        command_line: How the training was started; empty if unknown.
    """

    epoch: int = number(-1, 1e9)
    epochs: int = number(-1, 1e9)
    seed: int = number(-(2**63), 2**64)
    command_line: str = ""

    def __post_init__(self) -> None:
        check(self, "training")

    @property
    def progress(self) -> str:
        """Epoch of the checkpoint and epochs planned, as far as they are known."""
        if self.epoch < 0:
            return "epoch not known"
        return f"epoch {self.epoch} of {self.epochs if self.epochs > 0 else 'an unknown number'}"


@dataclass
class ObjectiveSpec:
    """The planning objective that the model was validated with.

    Attributes:
        mode: Which predicted frames count: ``last``, ``all`` (with growing weights) or ``mean``;
            more in ``planning.Objective``.
        base: Growth of the weights from frame to frame in mode ``all``.
        alpha: Weight of the proprio's distance beside that of the images.
        metric: Distance of a frame to the goal: ``l2``, ``l1`` or ``cos``.
        reduction: ``mean`` or ``sum`` over the numbers of a latent. Both rank alike.
    """

    mode: str = "last"
    base: float = number(1e-3, 100, 2.0)
    alpha: float = number(0, 1e6, 1.0)
    metric: str = "l2"
    reduction: str = "mean"

    def __post_init__(self) -> None:
        check(self, "objective")
        for name, choices in (("metric", METRICS), ("reduction", REDUCTIONS)):
            if (value := getattr(self, name)) not in choices:
                raise SpecError(
                    f"objective.{name} must be one of {', '.join(choices)}, not {quoted(value)}"
                )

    def distance_of_spread(self, numbers: int) -> float | None:
        """Return the distance of latents of which each of ``numbers`` numbers differs by one.

        None if the metric does not depend on how much they differ (``cos``).
        """
        if self.metric == "cos":
            return None
        if self.reduction == "mean":
            return 1.0
        return float(numbers) if self.metric == "l1" else math.sqrt(numbers)


@dataclass
class License:
    """Under which terms the authors of the weights allow their use.

    Attributes:
        name: Its name, best as SPDX writes it (``MIT``, ``CC-BY-NC-4.0``); empty: not known.
        terms: What it asks for, in a sentence, e.g. ``non-commercial use only``.
        source: Where the authors say so, e.g. the address of the model's page.
    """

    name: str = ""
    terms: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        check(self, "license")

    @property
    def sentence(self) -> str:
        """Name, terms and source in one line."""
        if not self.name:
            return "not stated: ask the authors of the weights before you use them"
        terms = f": {self.terms}" if self.terms else ""
        return f"{self.name}{terms}{f' ({self.source})' if self.source else ''}"


@dataclass
class ModelSpec:
    """Everything that the node and the worker need to know about one trained world model.

    Attributes:
        name: Name for people, e.g. ``franka_reach``.
        family: Entry point in the group ``wm_planner.models`` that loads the model.
        weights: The weight file and its digest.
        more_weights: Further weight files, e.g. of an encoder that several models share; each
            tensor is in one of the files.
        image: The images.
        action: The action of one environment step.
        statistics: The z-normalization and its provenance.
        training: How far the training went.
        control_rate: Environment steps per second [Hz].
        calibration: Distances in the latent space; None if not measured: no goal can then count as
            reached.
        num_hist: Frames that the model looks back (DINO-WM's name).
        frameskip: Environment steps per model step; one planned action holds as many.
        views: Names of the cameras, in the model's order; the node subscribes to a topic for each.
        proprio: The robot state that the model takes; empty if it takes images only.
        objective: The objective that the model was validated with.
        license: The terms of the weights.
        architecture: The family's own settings.
        source: The files that the model was made from, with their digests, and what the
            configuration of its training says about the data; the family's own.
        format: Number of the format, always the newest: older files are read as that.
    """

    name: str
    family: str
    weights: WeightsFile
    image: ImageSpec
    action: ActionSpec
    statistics: Statistics
    training: Training
    control_rate: float = number(0.01, 1000)
    calibration: Calibration | None = None
    more_weights: list[WeightsFile] = field(default_factory=list)
    num_hist: int = number(1, 1000, 1)
    frameskip: int = number(1, 1000, 1)
    views: list[str] = field(default_factory=lambda: ["image"])
    proprio: ProprioSpec = field(default_factory=ProprioSpec)
    objective: ObjectiveSpec = field(default_factory=ObjectiveSpec)
    license: License = field(default_factory=License)
    architecture: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    format: int = field(default=FORMAT, init=False)

    def __post_init__(self) -> None:
        check(self, "")
        check_free(self.architecture, "architecture")
        check_free(self.source, "source")
        check_files([self.weights, *self.more_weights])
        if len(self.statistics.action.mean) != self.action.dim:
            raise SpecError(
                f"statistics.action has {len(self.statistics.action.mean)} numbers per step, "
                f"action.names {self.action.dim}"
            )
        self._check_names()
        proprio = self.statistics.proprio
        if self.proprio.names and (proprio is None or len(proprio.mean) != len(self.proprio.names)):
            raise SpecError("statistics.proprio must have one mean and std for each proprio.names")
        compared = (self.objective.metric, self.objective.reduction) == ("l2", "mean")
        if self.calibration is not None and compared and not self.proprio.names:
            self.calibration.check_spread()

    def _check_names(self) -> None:
        for what, name in (("name", self.name), ("family", self.family)):
            if not name.strip() or len(name) > MAX_NAME:
                raise SpecError(f"{what} must have from 1 to {MAX_NAME} characters")
        if not self.views or len(set(self.views)) != len(self.views):
            raise SpecError(
                f"views ({listed(self.views)}) must name at least one camera, each only once"
            )
        if len(self.views) > MAX_VIEWS:
            raise SpecError(f"views has {len(self.views)} entries; at most {MAX_VIEWS} are read")
        if wrong := [view for view in self.views if not _TOPIC.fullmatch(view)]:
            raise SpecError(
                f"views has {quoted(wrong[0])}, which cannot be the name of a topic: use letters, "
                "digits and underscores"
            )

    @property
    def step_duration(self) -> float:
        """Duration of one model step in training, ``frameskip`` environment steps [s]."""
        return self.frameskip / self.control_rate

    @property
    def step_time(self) -> float:
        """Time in which the arm carries out one environment step [s]."""
        command = self.action.command
        return (command.step_time if command else 0.0) or 1 / self.control_rate

    @property
    def model_action_dim(self) -> int:
        """Numbers in one model step's action: ``frameskip`` environment actions in time order."""
        return self.frameskip * self.action.dim

    def normalize_actions(self, actions: ArrayLike) -> NDArray[np.float64]:
        """Convert physical actions (..., frameskip * dim) to z-normalized ones."""
        mean, std = self._action_moments()
        return np.asarray((np.asarray(actions, dtype=np.float64) - mean) / std)

    def denormalize_actions(self, actions: ArrayLike) -> NDArray[np.float64]:
        """Convert z-normalized actions (..., frameskip * dim) to physical units."""
        mean, std = self._action_moments()
        return np.asarray(np.asarray(actions, dtype=np.float64) * std + mean)

    def action_bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return lower and upper bounds (frameskip * dim,) of the z-normalized actions.

        They are infinite if the spec gives none, and equal for a fixed number.
        """
        names = self.action.names
        unbounded = np.full(self.action.dim, np.inf)
        sides = []
        for given, none in ((self.action.lower, -unbounded), (self.action.upper, unbounded)):
            side = np.array(given, dtype=np.float64) if given else none.copy()
            for name, value in self.action.fixed.items():
                side[names.index(name)] = value
            sides.append(self.normalize_actions(np.tile(side, self.frameskip)))
        return sides[0], sides[1]

    def action_deviation(self) -> list[float] | None:
        """Return the planner's first deviation of each z-normalized number (frameskip * dim,).

        None if the spec gives none: they are then 1.
        """
        if not self.action.deviation:
            return None
        physical = np.tile(self.action.deviation, self.frameskip)
        return [float(value) for value in physical / self._action_moments()[1]]

    def _action_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        moments = self.statistics.action
        return np.tile(moments.mean, self.frameskip), np.tile(moments.std, self.frameskip)

    def measured_calibration(self) -> Calibration:
        """Return the calibration.

        Raises:
            SpecError: It was not measured.
        """
        if self.calibration is None:
            raise SpecError(
                f"model {self.name} has no calibration: without it, the planner cannot decide "
                "whether a goal is reached"
            )
        return self.calibration

    def gray_observation(self) -> Observation:
        """Return an observation of gray images and a proprio of zeros, in the model's sizes."""
        image = np.full((self.image.size, self.image.size, 3), 127, np.uint8)
        count = len(self.proprio.names)
        return Observation((image,) * len(self.views), np.zeros(count) if count else None)

    def save(self, directory: str | Path) -> Path:
        """Write ``model.yaml`` into ``directory``, with the digest of the statistics.

        Returns:
            The file's path.

        Raises:
            OSError: It cannot be written; the old file is unchanged.
        """
        self.statistics.sha256 = self.statistics.digest()
        path = Path(directory) / SPEC_FILE
        write_content(path, asdict(self))
        return path
