"""The modes of the commander, and the events that change them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType


class Mode(Enum):
    """What the commander does with the arm."""

    IDLE = auto()
    """There is no start position; nothing is commanded."""
    READY = auto()
    """The start position is set; no command has been sent."""
    TRACKING = auto()
    """The arm follows the plan."""
    HOLDING = auto()
    """The arm comes to rest along its path, and waits for the next plan."""
    BRAKING = auto()
    """The arm slows to rest; the goal continues from there."""
    STOPPING = auto()
    """The arm slows to rest; then nothing more is commanded."""


class Event(Enum):
    """An event that changes the mode."""

    START = auto()
    """A goal starts from a measured position."""
    COMMAND = auto()
    """A command of the goal is due."""
    PLAN = auto()
    """A plan arrives."""
    HOLD = auto()
    """The arm has to wait for the next plan."""
    BRAKE = auto()
    """The arm cannot come to rest along its path, e.g. because ROS time stands still."""
    STOP = auto()
    """The goal has ended."""
    REST = auto()
    """The arm is at rest: the last command that slows it was sent."""


TRANSITIONS: Mapping[tuple[Mode, Event], Mode] = MappingProxyType(
    {
        (Mode.IDLE, Event.START): Mode.READY,
        (Mode.IDLE, Event.HOLD): Mode.IDLE,
        (Mode.IDLE, Event.STOP): Mode.IDLE,
        (Mode.READY, Event.START): Mode.READY,
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
        # The next goal continues from where the stop ends.
        (Mode.STOPPING, Event.COMMAND): Mode.BRAKING,
        (Mode.STOPPING, Event.PLAN): Mode.STOPPING,
        (Mode.STOPPING, Event.HOLD): Mode.STOPPING,
        (Mode.STOPPING, Event.STOP): Mode.STOPPING,
        (Mode.STOPPING, Event.REST): Mode.IDLE,
    }
)
"""The next mode, by the current mode and the event. Any other pair is a bug of the caller."""

FOLLOWING = frozenset({Mode.TRACKING, Mode.HOLDING})
"""Modes in which commands follow the path."""

SLOWING = frozenset({Mode.BRAKING, Mode.STOPPING})
"""Modes in which the arm slows to rest, whatever the plan."""
