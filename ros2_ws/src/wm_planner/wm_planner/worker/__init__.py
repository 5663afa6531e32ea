"""The worker, which holds the model and plans; by default a process, so the node has no torch."""

from wm_planner.worker.link import PlannerLink, WorkerError
from wm_planner.worker.messages import (
    Answer,
    Candidates,
    Configure,
    Failed,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    SetGoal,
)

__all__ = [
    "Answer",
    "Candidates",
    "Configure",
    "Failed",
    "PlanOnce",
    "PlanRequest",
    "Planned",
    "PlannerLink",
    "Ready",
    "SetGoal",
    "WorkerError",
]
