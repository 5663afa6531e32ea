"""Error codes, and the status: a code and a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from wm_planner.text import one_line


class ErrorCode(IntEnum):
    """The error codes of ``wm_planner_msgs/action/ReachGoal``; a test compares them."""

    NONE = 0
    UNKNOWN = 100
    TIMED_OUT = 101
    CANCELED = 102
    PREEMPTED = 103
    STOPPED = 104
    NOT_ACTIVE = 105
    INVALID_GOAL = 110
    IMAGE_FORMAT = 111
    NO_IMAGE = 112
    NO_POSE = 113
    CLOCK_JUMPED = 114
    CAMERA_CONTRACT = 115
    COMMAND_TOPIC = 116
    INPUT_TOPIC = 117
    IMPLAUSIBLE = 118
    PLANNER_FAILED = 120
    WORKER_LOST = 121
    LIMIT_VIOLATION = 122
    STALLED = 123
    CONTACT = 124
    NOT_ENABLED = 125
    UNINFORMATIVE = 126


@dataclass(frozen=True)
class Status:
    """How a goal ended, or why the planner is in its state.

    Attributes:
        code: ``ErrorCode.NONE`` is success.
        message: A sentence for the user: what happened, where, what to do; one line, cut if it is
            too long, because it may repeat foreign text.
    """

    code: ErrorCode
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", one_line(self.message))

    @property
    def reached(self) -> bool:
        """Whether the goal was reached."""
        return self.code is ErrorCode.NONE


INACTIVE = Status(ErrorCode.NOT_ACTIVE, "the node is not active: configure and activate it")


class Refused(ValueError):
    """A goal or a request is rejected; a goal under way goes on.

    Args:
        code: The kind of reason.
        message: A sentence: what is wrong, and what to do.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        self.status = Status(code, message)
        super().__init__(self.status.message)
