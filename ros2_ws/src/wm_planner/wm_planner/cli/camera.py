"""The camera contract for the doctor: from a model's spec and settings to findings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wm_planner.camera_contract import STOP, WARN, CameraExpectation, CameraMonitor
from wm_planner.cli.report import Result, of_contract
from wm_planner.config import Config
from wm_planner.images import ImagePolicy
from wm_planner.models.spec import ModelSpec
from wm_planner.types import RgbImage

NEED_MODEL = ("aspect_ratio", "resolution")
NO_MODEL = (
    "Without a model only the exposure is judged, in the image's central square; give the "
    "model's directory to compare size and colors with its training."
)
STILL = (
    "No pixel has changed for {:.1f} s although stamps advance. A simulator renders a still scene "
    "to identical bytes: move the arm and ask again. If nothing changes then, the camera or its "
    "driver repeats one image."
)


@dataclass(frozen=True)
class Contract:
    """What images are held against.

    Attributes:
        spec: The model's, None where no model is given.
        config: Decoding and severities.
    """

    spec: ModelSpec | None
    config: Config

    @property
    def policy(self) -> ImagePolicy:
        """The decoder's policy as configured, as the node takes it."""
        return ImagePolicy.from_config(self.config.images)

    def monitor(self) -> CameraMonitor:
        """A monitor that has seen no image.

        Nobody tells the doctor whether the robot moves, so a frozen image is only a warning.
        """
        severities = self.config.camera
        if severities.frozen == STOP:
            severities = replace(severities, frozen=WARN)
        unknown = CameraExpectation(size=1)
        expected = CameraExpectation.from_spec(self.spec.image) if self.spec else unknown
        return CameraMonitor(expected, severities)

    def measure(self, monitor: CameraMonitor, image: RgbImage, *, live: bool) -> list[Result]:
        """Run the checks that mean something here.

        Args:
            monitor: One of ``monitor()``, which has observed the images before.
            image: The image.
            live: Whether it is the last of a stream; a file cannot be frozen.
        """
        left_out = {*(() if self.spec else NEED_MODEL), *(() if live else ("frozen",))}
        results = of_contract(f for f in monitor.measure(image) if f.name not in left_out)
        return [
            r._replace(sentence=STILL.format(r.score)) if r.name == "frozen" and r.sentence else r
            for r in results
        ]

    def notes(self) -> list[str]:
        """What the reader of the table should know."""
        if self.spec is None:
            return [NO_MODEL]
        if not self.spec.image.channel_mean:
            return ["model.yaml has no image.channel_mean: colors cannot be compared."]
        return []
