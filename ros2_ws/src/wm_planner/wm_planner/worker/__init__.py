"""Where the model plans: by default in a process of its own, so that the node has no torch."""

from wm_planner.worker.link import PlannerLink, WorkerError
from wm_planner.worker.messages import (
    Answer,
    Failed,
    Picture,
    Planned,
    PlanOnce,
    PlanRequest,
    Ready,
    Scene,
    SetGoal,
    Vector,
)

__all__ = [
    "Answer",
    "Failed",
    "Picture",
    "PlanOnce",
    "PlanRequest",
    "Planned",
    "PlannerLink",
    "Ready",
    "Scene",
    "SetGoal",
    "Vector",
    "WorkerError",
]
