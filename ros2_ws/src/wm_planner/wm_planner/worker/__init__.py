"""The worker, which holds the model and plans; by default a process, so the node has no torch."""

from wm_planner.worker.link import PlannerLink, WorkerError
from wm_planner.worker.messages import (
    Answer,
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
