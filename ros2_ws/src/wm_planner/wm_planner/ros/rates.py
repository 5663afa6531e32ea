"""Rates, ages and latencies of the node's events; no ROS."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from enum import Enum

SPAN = 5.0  # [s] over which a rate is counted
SAMPLES = 1000  # values from which a percentile is taken


class Event(str, Enum):
    """Events that the node counts."""

    __str__ = str.__str__

    IMAGES = "good images"
    POSES = "poses"
    PLANS = "plans"
    COMMANDS = "commands"


class Latency(str, Enum):
    """Durations that the node samples."""

    __str__ = str.__str__

    PLAN_TIME = "plan time"
    TO_COMMAND = "image stamp to command"
    TO_CALLBACK = "image publication to callback"


class Rate:
    """Counts events on the steady clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.last = -math.inf

    def event(self, steady: float) -> None:
        """Count an event at this time [s]."""
        self.last = steady
        self._times.append(steady)
        self._forget(steady)

    def per_second(self, steady: float) -> float:
        """Return the events per second over the last ``SPAN`` seconds [Hz]."""
        self._forget(steady)
        return len(self._times) / SPAN

    def _forget(self, steady: float) -> None:
        while self._times and self._times[0] <= steady - SPAN:
            self._times.popleft()


class Samples:
    """The last values of a quantity."""

    def __init__(self) -> None:
        self._values: deque[float] = deque(maxlen=SAMPLES)

    def add(self, value: float) -> None:
        """Take a value."""
        self._values.append(value)

    def quantile(self, fraction: float) -> float:
        """Return a quantile of the last values, e.g. 0.5 for the median; NaN without values."""
        if not self._values:
            return math.nan
        ordered = sorted(self._values)
        return ordered[max(math.ceil(fraction * len(ordered)), 1) - 1]


class RateMonitor:
    """Rates, ages and latencies for ``/diagnostics``."""

    def __init__(self) -> None:
        self._rates = {event: Rate() for event in Event}
        self._latencies = {latency: Samples() for latency in Latency}

    def event(self, event: Event, steady: float) -> None:
        """Count an event at this steady time [s]."""
        self._rates[event].event(steady)

    def sample(self, latency: Latency, seconds: float) -> None:
        """Take a duration [s]."""
        self._latencies[latency].add(seconds)

    def figures(self, steady: float, *names: Event | Latency) -> Mapping[str, str]:
        """Return the figures of events and latencies as text, at this steady time [s]."""
        figures: dict[str, float] = {}
        for name in names:
            if isinstance(name, Event):
                rate = self._rates[name]
                figures[f"{name} [Hz]"] = rate.per_second(steady)
                figures[f"{name}: age [s]"] = steady - rate.last
            else:
                for percent in (50, 95, 99):
                    value = self._latencies[name].quantile(percent / 100)
                    figures[f"{name}: p{percent} [s]"] = value
        return {key: f"{value:.3g}" for key, value in figures.items()}
