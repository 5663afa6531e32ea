"""``action_dim``: whether a recording has as many numbers per action as the spec."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, Result, judge
from wm_planner.diagnosis.examined import Recording
from wm_planner.models.spec import ModelSpec


def compare_width(count: int, spec: ModelSpec) -> Result:
    """Compare the numbers per recorded action with the spec's."""
    return judge(
        "action_dim",
        count,
        spec.action.dim,
        OK if count == spec.action.dim else STOP,
        f"The recording has {count} numbers per action, model.yaml has {spec.action.dim} "
        f"({', '.join(spec.action.names)}): the layout changed after the training. Use a recording "
        "and a checkpoint that belong together; never cut or pad the columns.",
        f"{count} numbers per action",
    )


def run(recording: Recording) -> Iterator[Result]:
    """Compare the numbers per action."""
    yield compare_width(recording.episode.actions.shape[2], recording.spec)


CHECK = Check(("action_dim",), Recording, run, essential=True)
