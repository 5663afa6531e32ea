"""How near a goal must be where time goes on."""

from __future__ import annotations

from wm_planner.control import ErrorCode
from wm_planner_sim.client.episode import Episode

NEAR = 0.04  # [m]
"""Twice what the task counts as reached: on a busy machine the arm moves on between two plans.

How near the planner comes is tested in ``test_closed_loop.py``, where the arm waits for each plan.
"""


def check_reached(episode: Episode) -> None:
    """Check that the planner ended a goal as reached, near its true position."""
    assert episode.error_code == ErrorCode.NONE, episode.message
    assert episode.final_distance < NEAR
