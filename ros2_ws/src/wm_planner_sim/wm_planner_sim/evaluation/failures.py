"""Why a goal was missed, told from the record of the episode."""

from __future__ import annotations

import numpy as np

from wm_planner_sim.evaluation.episodes import Episode

LAST = 6
"""Steps at the end of an episode that are looked at."""
STILL = 0.003
"""Motion of the scored thing that counts as rest [m]."""
NEARER = 0.7
"""A plan promises progress if it ends at this share of the present distance or less."""


def why_missed(episode: Episode, *, carried: bool) -> tuple[str, str]:
    """Return whose fault it probably was, and what was seen, as a clause.

    Args:
        episode: The episode.
        carried: Whether the task scores an object, not the hand.

    Returns:
        The first that applies of:

        ``planner``
            The object got to its place, but was not lifted and put down.
        ``model``
            The model ended the episode too early.
        ``planner``
            Sub-goals were still passed when the steps ran out.
        ``limits``
            The workspace shortened most of the last ``LAST`` actions.
        ``contact lost``
            Most of the last plans promised progress, but the object, moved before, lay still.
        ``model``
            They promised progress, but it did not come.
        ``planner``
            Most of the last plans did not promise progress.
    """
    if not episode.placed and episode.distances[-1] < episode.success_radius:
        return "planner", "the object is at its place, but was not lifted and put down"
    if episode.ended:
        return "model", "the model took the goal for reached"
    if episode.passed and episode.passed[-1] > episode.passed[-LAST:][0]:
        return "planner", "the steps ran out on the way from one sub-goal to the next"
    places = np.array(episode.places)
    moved = np.linalg.norm(places - places[0], axis=1).max() > STILL
    rests = np.linalg.norm(places[-LAST:] - places[-1], axis=1).max() < STILL
    if np.mean(episode.cut[-LAST:]) > 0.5:
        return "limits", "most of the last actions led out of the workspace"
    promised, seen = np.array(episode.promised[-LAST:]), np.array(episode.model_distances)
    if len(promised) and np.mean(promised < NEARER * seen[-1 - len(promised) : -1]) > 0.5:
        if carried and moved and rests:
            return "contact lost", "the object had been moved, but no longer followed the plans"
        return "model", "the plans promised progress that did not come"
    return "planner", "no plan came much nearer to the goal"
