"""The messages of a camera's topic: their kinds, times and images. Needs no ROS."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wm_planner.camera_contract import CameraMonitor
from wm_planner.control.clock import MAX_FUTURE
from wm_planner.control.stamps import other_clock
from wm_planner.diagnosis.camera_examiner import CameraExaminer, irregular_result
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.images import CameraDecoder, ImageFormatError
from wm_planner.images.camera_decoder import REASON
from wm_planner.text import quoted
from wm_planner.types import RgbImage


@dataclass
class Refusal:
    """Messages that were refused for the same reason: the first sentence, and their number."""

    sentence: str
    count: int = 0


@dataclass
class CameraStream:
    """The messages of one topic.

    Attributes:
        topic: Full name of the topic.
        examiner: Compares the images with the training's.
        kinds: Number of messages by encoding and size.
        arrivals: When each message arrived [s, steady time].
        stamps: Stamp of each message [s], 0 if it has none.
        ages: Age of each stamped message at arrival [s].
        refusals: Messages that could not be decoded, by reason.
        irregular: What is irregular about the images, as a sentence; empty if nothing is.
        image: The last image decoded.
    """

    topic: str
    examiner: CameraExaminer
    kinds: Counter[str] = field(default_factory=Counter)
    arrivals: list[float] = field(default_factory=list)
    stamps: list[float] = field(default_factory=list)
    ages: list[float] = field(default_factory=list)
    refusals: dict[tuple[str, str, str], Refusal] = field(default_factory=dict)
    irregular: str = ""
    image: RgbImage | None = None

    def __post_init__(self) -> None:
        self.monitor: CameraMonitor = self.examiner.monitor()
        self._decoder = CameraDecoder(self.examiner.policy, self.topic)

    def add(self, message: Any, stamp: float, now: float, steady: float) -> None:
        """Take a message.

        Args:
            message: Image or CompressedImage, or an object with the same attributes.
            stamp: Its stamp [s], 0 if the driver gives none.
            now: ROS time [s], 0 if no clock message has arrived yet.
            steady: Steady time [s].
        """
        self.arrivals.append(steady)
        self.stamps.append(stamp)
        if stamp and now:
            self.ages.append(now - stamp)
        try:
            decoded = self._decoder.decode(message)
        except ImageFormatError as error:
            self.kinds[_kind(message, None)] += 1
            self.refusals.setdefault(error.key, Refusal(str(error))).count += 1
            return
        image, self.irregular = decoded.image, self.irregular or decoded.sentence
        self.kinds[_kind(message, image)] += 1
        self.monitor.observe(image, stamp or steady)
        self.image = image

    @property
    def rate(self) -> float:
        """Messages per second of steady time [Hz]; NaN if fewer than two arrived."""
        return _rate(self.arrivals)

    def facts(self) -> dict[str, Any]:
        """Return what arrived, for the report."""
        facts: dict[str, Any] = {
            "messages": len(self.arrivals),
            "kinds": [f"{kind}  ({count})" for kind, count in self.kinds.most_common()],
        }
        if np.isfinite(self.rate):
            facts["rate"] = f"{self.rate:.1f} Hz ({_rate(self.stamps):.1f} Hz by the stamps)"
        if self.ages:
            low, middle, high = np.quantile(self.ages, (0, 0.5, 1))
            facts["stamp age"] = f"{middle:.3f} s ({low:.3f} to {high:.3f})"
        return facts

    def results(self) -> list[Result]:
        """Return the results; at least one message must have arrived."""
        results = [*self._refused(), *self._timing()]
        if self.image is not None:
            results += irregular_result(self.irregular)
            results += self.examiner.measure(self.monitor, self.image, live=True)
        return results

    def _refused(self) -> list[Result]:
        total = len(self.arrivals)
        verdict = STOP if self.image is None else WARN
        return [
            Result("refused", r.count, 0.0, verdict, f"{r.count} of {total}: {r.sentence}")
            for (_, _, reason), r in self.refusals.items()
            if reason != REASON or not self.irregular  # else the first ones of an irregular camera
        ] or [Result("refused", 0.0, 0.0, OK)]

    def _timing(self) -> list[Result]:
        results = []
        if self.examiner.spec is not None and np.isfinite(self.rate):
            needed = 1.0 / self.examiner.spec.step_duration
            slow = WARN if self.rate < 0.95 * needed else OK
            results.append(
                judge(
                    "rate",
                    self.rate,
                    needed,
                    slow,
                    f"{self.rate:.1f} images a second arrive, but the model takes {needed:g} steps "
                    "a second: plans will wait for images. Raise the camera's rate.",
                )
            )
        if not all(self.stamps):
            sentence = (
                "Messages have no stamp: the planner takes the time of arrival instead. Let the "
                "driver set header.stamp."
            )
            return [*results, Result("stamp_age", float("nan"), float("nan"), WARN, sentence)]
        results += [self._age()] if self.ages else []
        if len(self.stamps) > 1 and len(set(self.stamps)) == 1:
            sentence = (
                "All messages have the same stamp: the planner uses only the first one. Let the "
                "driver stamp each image."
            )
            results.append(Result("stamps", 1.0, float(len(self.stamps)), STOP, sentence))
        return results

    def _age(self) -> Result:
        """Judge the age: the node drops an old image, and one with a stamp in the future."""
        age, limit = float(np.median(self.ages)), self.examiner.config.session.image_timeout
        verdict = STOP if age > limit or age < -MAX_FUTURE else OK
        side = f"{age:.2f} s old when they arrive" if age > 0 else f"stamped {-age:.2f} s ahead"
        now = self.stamps[-1] + self.ages[-1]
        why = other_clock(self.stamps[-1], now) or (
            "let camera and planner use the same clock (--ros-args -p use_sim_time:=true); if they "
            "do, the network is too slow"
        )
        sentence = f"Images are {side}; the planner drops them: {why}."
        return judge("stamp_age", age, limit, verdict, sentence)


def _kind(message: Any, image: RgbImage | None) -> str:
    if hasattr(message, "format"):
        size = f"  {image.shape[1]}x{image.shape[0]}" if image is not None else ""
        return f"{quoted(message.format)}{size}"
    size = f"{message.width}x{message.height}"
    return f"{quoted(message.encoding)}  {size}  step {message.step}"


def _rate(times: list[float]) -> float:
    span = max(times) - min(times) if times else 0.0
    return (len(times) - 1) / span if span > 0 else float("nan")
