"""What checks examine: a model, and a dataset, a recording or a task together with it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from wm_planner.config import Config
from wm_planner.datasets import Dataset
from wm_planner.diagnosis.camera_examiner import CameraExaminer
from wm_planner.diagnosis.encoded_episode import EncodedEpisode
from wm_planner.diagnosis.episode import Episode
from wm_planner.diagnosis.planning_losses import PlanningTask
from wm_planner.diagnosis.prediction_errors import PredictionErrors, measure
from wm_planner.diagnosis.windows import Windows, spread_windows
from wm_planner.files.safetensors_file import WeightFiles
from wm_planner.models.loading import weight_files
from wm_planner.models.protocol import WorldModel
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective, Planner
from wm_planner.progress import Progress, silent
from wm_planner.types import RgbImage
from wm_planner.worker.from_settings import objective_for, planner_for


@dataclass
class Examined(ABC):
    """Something that checks examine.

    Attributes:
        causes: Names of the problems found so far that explain bad predictions and plans; set
            before each check.
    """

    causes: Sequence[str] = field(default=(), kw_only=True)

    @property
    @abstractmethod
    def spec(self) -> ModelSpec:
        """The model's spec."""


@dataclass
class ModelDescription(Examined):
    """A ``model.yaml``, whether or not its weights can be loaded."""

    description: ModelSpec

    @property
    def spec(self) -> ModelSpec:
        return self.description


@dataclass
class LoadedModel(Examined):
    """A loaded model.

    Attributes:
        model: The model on its device.
        camera: Compares images with the training's; holds the settings.
        directory: The model's directory.
        encoder_file: The encoder's weight file that the training loaded, if it was given.
        progress: Shows how far the job is.
    """

    model: WorldModel
    camera: CameraExaminer
    directory: Path
    encoder_file: Path | None = None
    progress: Progress = silent

    @property
    def spec(self) -> ModelSpec:
        return self.model.spec

    @property
    def config(self) -> Config:
        """The settings."""
        return self.camera.config

    @property
    def weights(self) -> WeightFiles:
        """The weight files."""
        return weight_files(self.directory, self.spec)

    def objective(self) -> Objective:
        """Return the objective of the settings, which by default is the model's own."""
        return objective_for(self.spec, self.config.objective)

    def planner(self, horizon: int) -> Planner:
        """Return the planner of the settings with another horizon [model steps]."""
        return planner_for(self.model, self.config.planning, horizon=horizon)


@dataclass
class ExaminedWithModel(Examined):
    """Something that is examined together with a loaded model."""

    loaded: LoadedModel

    @property
    def spec(self) -> ModelSpec:
        return self.loaded.spec


@dataclass
class OpenDataset(ExaminedWithModel):
    """A dataset whose numbers were read."""

    data: Dataset


@dataclass
class Recording(ExaminedWithModel):
    """One recorded episode, of which at most ``most_windows`` windows are predicted."""

    episode: Episode
    most_windows: int

    @cached_property
    def windows(self) -> Windows:
        """The windows that are predicted; raises ``RecordingError`` if there can be none."""
        horizon = self.loaded.config.planning.horizon
        return spread_windows(self.episode, horizon, self.most_windows)


@dataclass
class Predictions(ExaminedWithModel):
    """What the model predicts over the windows of a recording.

    Attributes:
        recording: The recording, with images.
        encoded: Its frames that begin, follow or end a window, encoded.
        errors: The prediction errors.
    """

    recording: Recording
    encoded: EncodedEpisode
    errors: PredictionErrors

    @classmethod
    def of(cls, recording: Recording) -> Predictions:
        """Encode and predict.

        Raises:
            RecordingError: The recording lacks what the model needs.
        """
        windows, loaded = recording.windows, recording.loaded
        encoded = EncodedEpisode(
            loaded.model, recording.episode, windows.frames, progress=loaded.progress
        )
        return cls(loaded, recording, encoded, measure(encoded, windows, loaded.progress))


@dataclass
class GivenStates(ExaminedWithModel):
    """States given by hand, in the order and units of ``proprio.names``.

    Attributes:
        start: The robot's current state, if given.
        goal: The goal's state, if given.
        required: Whether a plan is to be made from them.
    """

    start: list[float] | None
    goal: list[float] | None
    required: bool


@dataclass
class MovedObject(ExaminedWithModel):
    """Two images of one camera, between which only the object was moved.

    Attributes:
        before: RGB, uint8 (height, width, 3).
        after: The same, of the same size.
        frames: Their indices, if they were found in a recording.
    """

    before: RgbImage
    after: RgbImage
    frames: tuple[int, int] | None = None


@dataclass
class PlanningTasks(ExaminedWithModel):
    """Tasks to plan, at least one: all with recorded actions, or none.

    Attributes:
        tasks: The tasks.
        horizon: Model steps to plan; those of the recorded actions.
    """

    tasks: Sequence[PlanningTask]
    horizon: int
