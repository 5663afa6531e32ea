"""What a world model must say about itself: ``model.yaml``, the file beside the weights.

The spec is plain data (no torch): the node reads it to check images and to turn actions into
commands, the worker reads it to build the model. Everything the loop needs is in it and nothing
is guessed; statistics without provenance are refused (see ``Statistics.problem``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wm_planner.types import Observation

SPEC_FILE = "model.yaml"
FORMAT = 1
CONSTANTS = "constants"
"""``Provenance.split`` of statistics that were fixed beforehand, not computed on any data."""


class SpecError(ValueError):
    """``model.yaml`` is missing, unreadable or says something impossible."""


class StatisticsError(SpecError):
    """The normalization statistics have no provenance or are not the ones recorded."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"{where}: the normalization statistics cannot be trusted: {problem}. Export the model "
            "again with its data set, or, to use them all the same, set "
            "model.allow_unverified_statistics (every status will then say so)."
        )


@dataclass
class ImageSpec:
    """The images the model was trained on.

    A camera image is resized so that its short side is ``size`` (antialiased bilinear), cropped
    at the center to ``(size, size)``, scaled to [0, 1] and normalized with ``mean`` and ``std``:
    DINO-WM's transform (``datasets/img_transforms.py``).

    Attributes:
        size: Side of the square image [pixels].
        color_order: ``rgb`` or ``bgr``: the order of the channels in training.
        mean: Subtracted per channel, in units of [0, 1].
        std: Divided by per channel, in units of [0, 1].
        channel_mean: Mean of the training images per R, G, B channel, in [0, 1]; empty: unknown.
        channel_std: Standard deviation of the same.
        camera_aspect: Width over height of the training camera's images before they were
            cropped; 0: unknown.
    """

    size: int
    color_order: str = "rgb"
    mean: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    std: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.5])
    channel_mean: list[float] = field(default_factory=list)
    channel_std: list[float] = field(default_factory=list)
    camera_aspect: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise SpecError(f"image.size must be a positive number of pixels, not {self.size}")
        if self.color_order not in ("rgb", "bgr"):
            raise SpecError(f"image.color_order must be rgb or bgr, not '{self.color_order}'")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise SpecError("image.mean and image.std need three numbers each, std above zero")
        for name in ("channel_mean", "channel_std"):
            values = getattr(self, name)
            if len(values) not in (0, 3) or not all(0 <= value <= 1 for value in values):
                raise SpecError(f"image.{name} must be three numbers in [0, 1], or be left out")
        if len(self.channel_mean) != len(self.channel_std) or not 0 <= self.camera_aspect < 100:
            raise SpecError(
                "image.channel_mean and channel_std go together; camera_aspect is a ratio"
            )


@dataclass
class CommandMapping:
    """How the numbers of one action become a command.

    Attributes:
        mode: ``relative``: the action displaces the commanded position; ``absolute``: it is the
            position; ``velocity``: it is the velocity during its environment step.
        position: Names of the action's numbers for x, y and z, or for each of ``joints``, in this
            order.
        joints: Names of the arm's joints that the numbers move; empty: they are Cartesian.
    """

    mode: str
    position: list[str]
    joints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.mode not in ("relative", "absolute", "velocity"):
            raise SpecError(
                f"action.command.mode must be relative, absolute or velocity, not '{self.mode}'"
            )
        if len(set(self.joints)) != len(self.joints):
            raise SpecError(f"action.command.joints {self.joints} names a joint twice")
        if len(self.position) != (len(self.joints) or 3):
            raise SpecError(
                "action.command.position needs the names of three action numbers (x, y, z), or of "
                "one for each of action.command.joints"
            )

    @property
    def unit(self) -> str:
        """The unit that the action's numbers must have."""
        return ("rad" if self.joints else "m") + ("/s" if self.mode == "velocity" else "")


@dataclass
class ActionSpec:
    """One environment step's action, in physical units.

    Attributes:
        names: One name per number, in the model's order.
        units: One unit per number (REP-103: m, rad, s).
        frame: Frame in which the action is expressed (for a Franka its base link).
        lower: Smallest value seen or allowed in training, per number; empty: not known, and the
            planner's draws are unbounded, as DINO-WM's are.
        upper: Largest value, per number; empty together with ``lower``.
        command: How the action becomes a command; None: the model plans, but drives no arm.
    """

    names: list[str]
    units: list[str]
    frame: str
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    command: CommandMapping | None = None

    def __post_init__(self) -> None:
        count = len(self.names)
        bounds = () if not self.lower and not self.upper else ("lower", "upper")
        for name in ("units", *bounds):
            if len(getattr(self, name)) != count:
                raise SpecError(
                    f"action.{name} has {len(getattr(self, name))} entries, action.names {count}"
                )
        if len(set(self.names)) != count or count == 0:
            raise SpecError("action.names must be given, each name once")
        if not np.isfinite([*self.lower, *self.upper]).all() or not all(
            low < high for low, high in zip(self.lower, self.upper, strict=True)
        ):
            raise SpecError("action.lower must be below action.upper in every entry, both finite")
        if not self.frame:
            raise SpecError("action.frame is empty: name the frame of the actions")
        if self.command is None:
            return
        position = self.command.position
        if missing := [name for name in position if name not in self.names]:
            raise SpecError(f"action.command.position names {missing}, which action.names lacks")
        if len(set(position)) != len(position):
            raise SpecError(f"action.command.position {position} names a number twice")
        unit = self.command.unit
        if wrong := [name for name in position if self.units[self.names.index(name)] != unit]:
            raise SpecError(f"action.command.position needs {unit}; {wrong} have another unit")

    @property
    def dim(self) -> int:
        """Numbers in one environment step's action (DINO-WM: ``action_dim``)."""
        return len(self.names)


@dataclass
class ProprioSpec:
    """Names and units of the proprioceptive state, in the model's order; empty: images only."""

    names: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.units):
            raise SpecError(f"proprio has {len(self.names)} names but {len(self.units)} units")


@dataclass
class Moments:
    """Mean and standard deviation per number, in physical units."""

    mean: list[float]
    std: list[float]

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std):
            raise SpecError(f"{len(self.mean)} means but {len(self.std)} standard deviations")
        if not np.isfinite([*self.mean, *self.std]).all() or min(self.std, default=1.0) <= 0:
            raise SpecError("statistics must be finite, standard deviations above zero")


@dataclass
class Provenance:
    """Where statistics come from, so that anyone can compute them again.

    Attributes:
        dataset: Name of the data set.
        dataset_sha256: Digest of its files.
        split: Part of the data the statistics were computed on: ``all``, ``train``, …, or
            ``CONSTANTS``.
        split_seed: Seed of the split, -1 where there was none.
        episodes: Number of episodes counted.
        steps: Number of environment steps counted.
        formula: The rule, in words (``ddof``, epsilon, scale).
    """

    dataset: str
    dataset_sha256: str
    split: str
    episodes: int
    steps: int
    formula: str
    split_seed: int = -1


@dataclass
class Statistics:
    """The z-normalization the model was trained with, and where it comes from."""

    action: Moments
    proprio: Moments | None = None
    state: Moments | None = None
    provenance: Provenance | None = None
    sha256: str = ""

    def digest(self) -> str:
        """SHA-256 of the numbers themselves, as canonical JSON of their float64 values."""
        numbers = {
            name: asdict(moments) if (moments := getattr(self, name)) is not None else None
            for name in ("action", "proprio", "state")
        }
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()

    def problem(self) -> str:
        """Why these statistics cannot be trusted, or an empty string."""
        if self.provenance is None:
            return "model.yaml has no statistics.provenance"
        empty = [name for name, value in asdict(self.provenance).items() if value == ""]
        if self.provenance.split != CONSTANTS:
            empty += [name for name in ("episodes", "steps") if getattr(self.provenance, name) < 1]
        if empty:
            return f"statistics.provenance leaves out {', '.join(empty)}"
        if self.sha256 != self.digest():
            return (
                f"their digest is {self.digest()[:12]}…, model.yaml records "
                f"'{self.sha256[:12]}…': the numbers were changed after the export"
            )
        return ""


@dataclass
class Calibration:
    """Distances in the model's latent space, as measured at export (root of ``distance``).

    Attributes:
        noise_floor: Between two images of the same state.
        typical_distance: Between start and goal of an episode; the unit of a goal's tolerance.
        tolerance: Distance under which a goal counts as reached, as a fraction of
            ``typical_distance``.
        latent: Mean and standard deviation of the training images' visual latents, each
            averaged over its tokens; None: unknown.
        latent_limit: Largest root mean square of so normalized latents in training.
    """

    noise_floor: float
    typical_distance: float
    tolerance: float
    latent: Moments | None = None
    latent_limit: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.noise_floor < self.typical_distance:
            raise SpecError("calibration needs 0 <= noise_floor < typical_distance")
        if not 0 < self.tolerance < 1:
            raise SpecError("calibration.tolerance must lie between 0 and 1")
        if not self.latent_limit > 0:
            raise SpecError("calibration.latent_limit must be above 0")


@dataclass
class Training:
    """How far the training went, so that an early checkpoint can be told."""

    epoch: int
    epochs: int
    seed: int
    command: str = ""


@dataclass
class ObjectiveSpec:
    """The planning objective the model was validated with (see ``planning.Objective``)."""

    mode: str = "last"
    base: float = 2.0
    alpha: float = 1.0


@dataclass
class WeightsFile:
    """The file of the weights, relative to ``model.yaml``, and its SHA-256."""

    sha256: str
    file: str = "weights.safetensors"


@dataclass
class ModelSpec:
    """Everything the loop needs to know about one trained world model.

    Attributes:
        name: Name for people, e.g. ``franka_reach``.
        family: Entry point in the group ``wm_planner.models`` that loads it.
        weights: The weights and their digest.
        image: The images.
        action: One environment step's action.
        statistics: The z-normalization and its provenance.
        calibration: Distances of the latent space; None: not measured, and no goal can be said
            to be reached.
        training: How far the training went.
        control_rate: Environment steps per second [Hz].
        num_hist: Frames the model looks back.
        frameskip: Environment steps per model step; one planned action holds as many.
        views: Names of the cameras, in the model's order; each is a topic of the node.
        proprio: The proprioceptive state, empty where the model sees images only.
        objective: The objective it was validated with.
        architecture: The family's own settings.
        source: The files it was made of, with their digests, and what the configuration of its
            training says of the data; the family's own.
        format: Version of this file's layout.
    """

    name: str
    family: str
    weights: WeightsFile
    image: ImageSpec
    action: ActionSpec
    statistics: Statistics
    training: Training
    control_rate: float
    calibration: Calibration | None = None
    num_hist: int = 1
    frameskip: int = 1
    views: list[str] = field(default_factory=lambda: ["image"])
    proprio: ProprioSpec = field(default_factory=ProprioSpec)
    objective: ObjectiveSpec = field(default_factory=ObjectiveSpec)
    architecture: dict[str, Any] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise SpecError(f"format {self.format} is not known; this version reads {FORMAT}")
        for name in ("control_rate", "num_hist", "frameskip"):
            value = getattr(self, name)
            if not 0 < value < np.inf:
                raise SpecError(f"{name} must be above zero and finite, not {value}")
        if len(self.statistics.action.mean) != self.action.dim:
            raise SpecError(
                f"statistics.action has {len(self.statistics.action.mean)} numbers per step, "
                f"action.names {self.action.dim}"
            )
        if not self.views or len(set(self.views)) != len(self.views):
            raise SpecError(f"views {self.views} must name at least one camera, each once")
        if self.proprio.names and (
            self.statistics.proprio is None
            or len(self.statistics.proprio.mean) != len(self.proprio.names)
        ):
            raise SpecError("statistics.proprio does not fit proprio.names")

    @property
    def step_duration(self) -> float:
        """Duration of one model step, ``frameskip`` environment steps [s]."""
        return self.frameskip / self.control_rate

    @property
    def model_action_dim(self) -> int:
        """Numbers in one model step's action, ``frameskip`` environment actions in time order."""
        return self.frameskip * self.action.dim

    def normalize_actions(self, actions: ArrayLike) -> NDArray[np.float64]:
        """Physical actions (..., frameskip * dim) to the model's z-normalized ones."""
        mean, std = self._action_moments()
        return np.asarray((np.asarray(actions, dtype=np.float64) - mean) / std)

    def denormalize_actions(self, actions: ArrayLike) -> NDArray[np.float64]:
        """z-normalized actions (..., frameskip * dim) to physical units."""
        mean, std = self._action_moments()
        return np.asarray(np.asarray(actions, dtype=np.float64) * std + mean)

    def gray_observation(self) -> Observation:
        """Return gray images and a state of zeros, of the sizes that the model takes."""
        image = np.full((self.image.size, self.image.size, 3), 127, np.uint8)
        count = len(self.proprio.names)
        return Observation((image,) * len(self.views), np.zeros(count) if count else None)

    def action_bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper bounds (frameskip * dim,) of the z-normalized actions.

        They are infinite where the spec gives none.
        """
        if not self.action.lower:
            unbounded = np.full(self.model_action_dim, np.inf)
            return -unbounded, unbounded
        return (
            self.normalize_actions(np.tile(self.action.lower, self.frameskip)),
            self.normalize_actions(np.tile(self.action.upper, self.frameskip)),
        )

    def _action_moments(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        moments = self.statistics.action
        return np.tile(moments.mean, self.frameskip), np.tile(moments.std, self.frameskip)

    def save(self, directory: str | Path) -> Path:
        """Write ``model.yaml`` into ``directory``, the statistics' digest included."""
        self.statistics.sha256 = self.statistics.digest()
        path = Path(directory) / SPEC_FILE
        path.write_text(yaml.safe_dump(asdict(self), sort_keys=False, default_flow_style=None))
        return path


def load_spec(directory: str | Path, *, allow_unverified_statistics: bool = False) -> ModelSpec:
    """Read and check ``model.yaml``.

    Args:
        directory: The model's directory.
        allow_unverified_statistics: Accept statistics whose provenance is missing or wrong.

    Returns:
        The spec, every field validated.

    Raises:
        SpecError: The file is missing, is not YAML, lacks or misspells a field, or contradicts
            itself.
        StatisticsError: The statistics have no provenance or were changed after the export.
    """
    path = Path(directory).expanduser() / SPEC_FILE
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise SpecError(
            f"{path} cannot be read ({error.strerror or error}): give the directory that holds "
            f"{SPEC_FILE} and its weights"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise SpecError(f"{path} is not a mapping of settings")
    try:
        spec = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(ModelSpec), content))
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "?"
        raise SpecError(f"{path}: {key}: {str(error).splitlines()[0]}") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error
    assert isinstance(spec, ModelSpec)
    if not allow_unverified_statistics and (problem := spec.statistics.problem()):
        raise StatisticsError(str(path), problem)
    return spec
