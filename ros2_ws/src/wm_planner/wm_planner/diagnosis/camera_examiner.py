"""Compares images with the training's, as results of the doctor."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wm_planner.camera_contract import CameraExpectation, CameraMonitor
from wm_planner.config import Config
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import ModelSpec
from wm_planner.types import RgbImage

NEED_MODEL = ("aspect_ratio", "resolution", "gray")
NO_MODEL = (
    "Without a model only the exposure of the image's central square is judged; give the model's "
    "directory to compare size and colors with its training."
)
NO_COLORS = (
    "model.yaml has no image.channel_mean: colors cannot be compared with the training's. "
    "wm-planner doctor MODEL_DIR --dataset DIR measures them on the training's dataset, and prints "
    "what to add to model.yaml."
)
STILL = (
    "No pixel has changed for {:.1f} s although stamps advance. A simulator renders a still scene "
    "to identical bytes: move the arm and run the doctor again. If still nothing changes, the "
    "camera or its driver repeats one image: restart it."
)


@dataclass(frozen=True)
class CameraExaminer:
    """The camera contract as the doctor applies it: every result is reported, nothing is stopped.

    Attributes:
        spec: The model's spec, None if no model is given.
        config: The settings of decoding and of the camera contract.
    """

    spec: ModelSpec | None
    config: Config

    @property
    def policy(self) -> ImagePolicy:
        """The decoder's policy of the settings, the same as the node's."""
        return ImagePolicy.from_config(self.config.images)

    def monitor(self) -> CameraMonitor:
        """Return a monitor that has seen no image.

        The doctor does not know whether the robot moves, so a frozen image is only a warning.
        """
        severities = self.config.camera
        if severities.frozen == STOP:
            severities = replace(severities, frozen=WARN)
        unknown = CameraExpectation(size=1)
        expected = CameraExpectation.from_spec(self.spec.image) if self.spec else unknown
        return CameraMonitor(expected, severities)

    def measure(self, monitor: CameraMonitor, image: RgbImage, *, live: bool) -> list[Result]:
        """Run the checks of the camera contract that can be judged.

        Args:
            monitor: From ``monitor()``; it has observed the images before this one.
            image: The image.
            live: Whether the image ends a stream; an image from a file cannot be frozen.
        """
        left_out = {*(() if self.spec else NEED_MODEL), *(() if live else ("frozen",))}
        results = []
        for finding in monitor.measure(image):
            name, score = finding.name, finding.score
            if name in left_out:
                continue
            verdict = finding.severity if finding.found else OK
            sentence = STILL.format(score) if name == "frozen" else finding.sentence
            results.append(judge(name, score, finding.threshold, verdict, sentence))
        return results

    def notes(self) -> list[str]:
        """Return what cannot be compared, and why."""
        if self.spec is None:
            return [NO_MODEL]
        return [] if self.spec.image.channel_mean else [NO_COLORS]


def irregular_result(irregular: str) -> list[Result]:
    """Return a warning about irregular images that can be used; nothing if there are none."""
    if not irregular:
        return []
    return [Result("irregular", 1.0, 0.0, WARN, f"{irregular[0].upper()}{irregular[1:]}.")]
