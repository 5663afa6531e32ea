"""``episodes``: which episodes of a dataset are not those of the training any more."""

from __future__ import annotations

from collections.abc import Iterator

from wm_planner.datasets.episode_digests import Changes, compare
from wm_planner.diagnosis.check import Check
from wm_planner.diagnosis.check_result import OK, WARN, Result, judge
from wm_planner.diagnosis.examined import OpenDataset
from wm_planner.text import listed

NAME = "episodes"


def judge_changes(found: Changes, now: int, directory: str) -> Result:
    """Judge changes of a dataset that has ``now`` episodes."""
    parts = []
    if found.before and found.before != now:
        parts.append(f"it has {now} episodes, the training read {found.before}")
    if found.before and len(found.numbers) == found.before:
        parts.append("the numbers of every episode are others, as of another dataset")
    elif found.numbers:
        parts.append(f"missing, or with other actions, states or length: {_named(found.numbers)}")
    if found.images:
        parts.append(f"the images are others in {_named(found.images)}")
    if found.without:
        parts.append(f"the images are missing of {_named(found.without)}")
    if found.unreadable:
        parts.append(
            f"the files of images cannot be read of {_named(found.unreadable)}: check their "
            "permissions and the disk"
        )
    changed = {*found.numbers, *found.images, *found.without, *found.unreadable}
    return judge(
        NAME,
        float(max(len(changed), abs(now - found.before) if found.before else 0)),
        0.0,
        WARN if parts else OK,
        f"{directory} is not as it was when the model was converted: {'; '.join(parts)}. Restore "
        "these episodes, or convert the model again.",
        f"{now} episodes are as recorded" if found.before else f"all {now} episodes have images",
    )


def _named(indices: list[int]) -> str:
    return f"episode{'s' * (len(indices) > 1)} {listed(map(str, indices))}"


def run(dataset: OpenDataset) -> Iterator[Result]:
    """Compare each episode with its recorded digest; without one, only look for its images."""
    found = compare(dataset.spec.source.get("episodes"), dataset.data, dataset.loaded.progress)
    if found.before or dataset.data.has_images or found.without:
        yield judge_changes(found, len(dataset.data), str(dataset.data.directory))


CHECK = Check((NAME,), OpenDataset, run)
