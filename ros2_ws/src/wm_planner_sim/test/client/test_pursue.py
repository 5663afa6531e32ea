"""What a client makes of a goal with sub-goals; the simulator and the planner are not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sensor_msgs.msg import Image

from wm_planner_sim.client.episode import Episode
from wm_planner_sim.client.session import pursue
from wm_planner_sim.simulator.tasks import find_task

IMAGES = [Image(width=width) for width in (1, 2, 3)]


class Recorded:
    """A client whose goals all go the same way."""

    def __init__(self, final_distance: float, heights: list[float]) -> None:
        self.end, self.heights = final_distance, heights
        self.sent: list[Any] = []

    def reset(self, seed: int) -> None:
        pass

    def sample_goals(self, seed: int) -> tuple[list[Image], np.ndarray]:
        return IMAGES, np.array([0.5, 0.1, 0.025])

    def reach(self, seed: int, goal: Image, *_: Any, sub_goals: list[Image]) -> Episode:
        self.sent += [*sub_goals, goal]
        return Episode(seed, 0.2, self.end, message="reached: it is there", heights=self.heights)


@pytest.mark.parametrize(
    ("task", "distance", "heights", "success"),
    [
        ("pick_place", 0.01, [0.025, 0.1, 0.025], True),
        ("pick_place", 0.01, [0.025, 0.026, 0.025], False),  # dragged there
        ("pick_place", 0.026, [0.025, 0.1, 0.05], False),  # still in the air
        ("pick_place", 0.2, [0.025, 0.1, 0.025], False),
        ("pick_place", float("nan"), [0.025], False),  # rejected
        ("push", 0.01, [0.025, 0.025], True),
    ],
)
def test_success_is_the_task_s(
    task: str, distance: float, heights: list[float], success: bool
) -> None:
    client = Recorded(distance, heights)
    episode = pursue(client, find_task(task), 1)  # type: ignore[arg-type]
    assert episode.success is success
    near = distance < 0.03
    assert episode.message.startswith("reached" if success or not near else "not lifted")


def test_the_sub_goals_go_before_the_goal() -> None:
    client, shown = Recorded(0.01, [0.025]), []
    pursue(client, find_task("pick_place"), 1, shown.extend)  # type: ignore[arg-type]
    assert client.sent == IMAGES
    assert shown == IMAGES
