"""``data_digest``: whether this is the dataset that the statistics came from."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, WARN, Result, judge
from wm_planner.diagnosis.examined import OpenDataset


def run(dataset: OpenDataset) -> Iterator[Result]:
    """Compare the dataset's digest with the provenance, if there is one."""
    provenance, data = dataset.spec.statistics.provenance, dataset.data
    if provenance is None:
        return
    differs = provenance.dataset_sha256 != data.sha256
    yield judge(
        "data_digest",
        float(differs),
        0.0,
        WARN if differs else OK,
        "The statistics in model.yaml come from data with digest "
        f"{provenance.dataset_sha256[:12]}… ({provenance.dataset}, {provenance.episodes} "
        f"episodes), {data.directory} has {data.sha256[:12]}…: it is another dataset, or it has "
        "changed since. Give the dataset of the training, or convert the model again.",
        f"digest {data.sha256[:12]}…",
    )


CHECK = Check(("data_digest",), OpenDataset, run)
