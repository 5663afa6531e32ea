"""The modes of the commander, and what takes it from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType


class Mode(Enum):
    """What the commander does with the arm."""

    IDLE = auto()
    """It has no position to command from."""
    READY = auto()
    """It starts from a measured position; no command has left yet."""
    TRACKING = auto()
    """It plays the plan."""
    HOLDING = auto()
    """The arm comes to rest along the path, and waits for the next plan."""
    BRAKING = auto()
    """The velocity goes to zero; the goal goes on from there."""
    STOPPING = auto()
    """The velocity goes to zero; then nothing is commanded any more."""


class Event(Enum):
    """What changes the mode."""

    START = auto()
    """A goal starts from a measured position."""
    COMMAND = auto()
    """A goal sends a command."""
    PLAN = auto()
    """A plan arrives."""
    HOLD = auto()
    """The goal has to wait."""
    BRAKE = auto()
    """The arm cannot be held along the path, e.g. because ROS time stands still."""
    STOP = auto()
    """The goal has ended."""
    REST = auto()
    """The last command of braking was sent."""


TRANSITIONS: Mapping[tuple[Mode, Event], Mode] = MappingProxyType(
    {
        (Mode.IDLE, Event.START): Mode.READY,
        (Mode.IDLE, Event.HOLD): Mode.IDLE,
        (Mode.IDLE, Event.STOP): Mode.IDLE,
        (Mode.READY, Event.COMMAND): Mode.TRACKING,
        (Mode.READY, Event.PLAN): Mode.READY,
        (Mode.READY, Event.HOLD): Mode.READY,
        (Mode.READY, Event.STOP): Mode.IDLE,
        (Mode.TRACKING, Event.COMMAND): Mode.TRACKING,
        (Mode.TRACKING, Event.PLAN): Mode.TRACKING,
        (Mode.TRACKING, Event.HOLD): Mode.HOLDING,
        (Mode.TRACKING, Event.BRAKE): Mode.BRAKING,
        (Mode.TRACKING, Event.STOP): Mode.STOPPING,
        (Mode.HOLDING, Event.COMMAND): Mode.HOLDING,
        (Mode.HOLDING, Event.PLAN): Mode.TRACKING,
        (Mode.HOLDING, Event.HOLD): Mode.HOLDING,
        (Mode.HOLDING, Event.BRAKE): Mode.BRAKING,
        (Mode.HOLDING, Event.STOP): Mode.STOPPING,
        (Mode.BRAKING, Event.COMMAND): Mode.BRAKING,
        (Mode.BRAKING, Event.PLAN): Mode.BRAKING,
        (Mode.BRAKING, Event.HOLD): Mode.BRAKING,
        (Mode.BRAKING, Event.STOP): Mode.STOPPING,
        (Mode.BRAKING, Event.REST): Mode.HOLDING,
        # The next goal goes on from where the stop ends.
        (Mode.STOPPING, Event.COMMAND): Mode.BRAKING,
        (Mode.STOPPING, Event.PLAN): Mode.STOPPING,
        (Mode.STOPPING, Event.HOLD): Mode.STOPPING,
        (Mode.STOPPING, Event.STOP): Mode.STOPPING,
        (Mode.STOPPING, Event.REST): Mode.IDLE,
    }
)
"""The next mode, by the present one and the event. Other pairs are errors of the caller."""

ON_THE_WAY = frozenset({Mode.TRACKING, Mode.HOLDING})
"""Modes in which commands follow the path."""

SLOWING = frozenset({Mode.BRAKING, Mode.STOPPING})
"""Modes in which the velocity goes to zero, whatever is planned."""
