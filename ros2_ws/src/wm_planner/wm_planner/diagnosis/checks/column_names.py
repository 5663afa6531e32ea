"""``action_names``, ``proprio_names``: whether the dataset's columns have the spec's names."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, STOP, WARN, Result, judge
from wm_planner.diagnosis.examined import OpenDataset


def run(dataset: OpenDataset) -> Iterator[Result]:
    """Compare the names of columns, for each quantity whose names the dataset has."""
    spec = dataset.spec
    for quantity, own in (("action", spec.action.names), ("proprio", spec.proprio.names)):
        theirs = dataset.data.names.get(quantity, [])
        if not theirs or not own:
            continue
        slips = [
            f"{i + 1} is '{theirs[i] if i < len(theirs) else '-'}' in the data and "
            f"'{own[i] if i < len(own) else '-'}' in model.yaml"
            for i in range(max(len(theirs), len(own)))
            if theirs[i : i + 1] != own[i : i + 1]
        ]
        # A model may use other names for the same columns, but not the same names in another order.
        moved = sorted(theirs) == sorted(own) or len(theirs) != len(own)
        yield judge(
            f"{quantity}_names",
            len(slips),
            0.0,
            OK if not slips else STOP if moved else WARN,
            f"Columns of the {quantity} have other names in the dataset: {'; '.join(slips)}. "
            "Convert the model again with the right names, or make sure that they mean the same.",
            f"{len(slips)} of {len(own)} names differ",
        )


CHECK = Check(("action_names", "proprio_names"), OpenDataset, run)
