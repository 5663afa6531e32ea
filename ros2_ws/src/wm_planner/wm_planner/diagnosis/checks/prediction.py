"""``one_step``, ``rollout``: prediction errors over those of predicting that nothing changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import STOP, Result, fix_first, graded, judge
from wm_planner.diagnosis.examined import Predictions
from wm_planner.diagnosis.prediction_errors import USELESS, WEAK

FOREIGN = 3.0
"""Error over persistence above which another encoder is likelier than a short training."""


def run(predictions: Predictions) -> Iterator[Result]:
    """Judge the errors after one model step and after a window."""
    errors = predictions.errors
    for name, own, still, what in (
        ("one_step", errors.one_step, errors.one_step_still, "one model step"),
        ("rollout", errors.rollout, errors.rollout_still, f"{errors.horizon} model steps"),
    ):
        ratio = own / max(still, 1e-30)
        verdict, limit = graded(ratio, WEAK, USELESS)
        evidence = (
            f"error {own / errors.count:.3g} after {what}, {still / errors.count:.3g} for "
            f"predicting no change ({errors.count} windows)"
        )
        sentence = f"Predictions: {evidence}. {_cure(ratio, verdict, predictions.causes)}"
        yield judge(name, ratio, limit, verdict, sentence, evidence)


def _cure(ratio: float, verdict: str, causes: Sequence[str]) -> str:
    if causes:
        return fix_first(causes)
    if ratio > FOREIGN:
        return (
            "The predictor was trained with other encoder weights, or not at all: convert the "
            "model again with the encoder file that the training loaded."
        )
    if verdict == STOP:
        return (
            "The model has not learned this scene: if epoch, statistics, action columns, colors "
            "and encoder file are right, train it longer, or on data like this."
        )
    return "Plans will be poor: train longer, or on data like this recording."


CHECK = Check(("one_step", "rollout"), Predictions, run, effects=("one_step", "rollout"))
