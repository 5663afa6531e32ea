"""``image_delay``: whether the images show the arm where it was measured at that time."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import Result, graded, judge
from wm_planner.diagnosis.examined import Recording
from wm_planner.diagnosis.image_delay import Delay, measure_delay

NAME = "image_delay"
WARNS, STOPS = 0.5, 0.75
"""Delays in model steps, less their uncertainty; half a step may be lost by the nearest image."""


def judge_delay(delay: Delay, step: float, topics: tuple[str, str]) -> Result:
    """Judge a delay as far as it is certain, relative to the duration of a model step [s]."""
    late = delay.seconds > 0
    score = max(0.0, abs(delay.seconds) - delay.uncertainty) / step
    verdict, limit = graded(score, WARNS, STOPS)
    measured = f"{abs(delay.seconds):.2f} ± {delay.uncertainty:.2f} s {'late' if late else 'early'}"
    certain = (
        f"image changes and motion have a correlation of {delay.correlation:.2f} then, of "
        f"{delay.without:.2f} without a delay"
    )
    image, track = topics
    cure = (
        f"Stamp images when they are taken, and shorten the camera's queue, or correct the stamps "
        f"of {track}"
        if late
        else f"Correct the stamps of {track}, which come late, or of {image}, which are too old"
    )
    sentence = (
        f"The images are {measured}: one on {image} stamped t shows the arm where {track} has it "
        f"at t {'-' if late else '+'} {abs(delay.seconds):.2f} s ({certain}). Action and image of "
        f"a model step ({step:.2f} s) do not belong together then. {cure}; if the clocks of two "
        "computers differ, set them by each other."
    )
    return judge(NAME, score, limit, verdict, sentence, f"{measured}; {certain}")


def run(recording: Recording) -> Iterator[Result]:
    """Measure the delay; nothing if it is not clear, as without motion."""
    film = recording.episode.film
    if film is not None and (delay := measure_delay(film)) is not None:
        yield judge_delay(delay, recording.spec.step_duration, film.topics)


CHECK = Check((NAME,), Recording, run)
