"""The planner's own process: it holds the model and the GPU, the node's process has no torch."""

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
