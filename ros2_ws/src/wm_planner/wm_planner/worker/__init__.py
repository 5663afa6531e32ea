"""Where the model plans: by default in a process of its own, so that the node has no torch."""

from wm_planner.worker.link import PlannerLink, WorkerError
from wm_planner.worker.messages import (
    Answer,
    Failed,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    SetGoal,
)

__all__ = [
    "Answer",
    "Failed",
    "PlanOnce",
    "PlanRequest",
    "Planned",
    "PlannerLink",
    "Ready",
    "SetGoal",
    "WorkerError",
]
