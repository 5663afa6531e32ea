"""How often things happen, how long ago, and how long they take; no ROS here."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

SPAN = 5.0  # [s] events of this long ago still count in a rate
SAMPLES = 1000  # values that a percentile is taken of


class Rate:
    """Counts events on the steady clock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.last = -math.inf

    def event(self, steady: float) -> None:
        """Something happened at this time [s]."""
        self.last = steady
        self._times.append(steady)
        self._forget(steady)

    def per_second(self, steady: float) -> float:
        """Events per second over the last ``SPAN`` seconds [Hz]."""
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
        """The value that this fraction of the last ones does not exceed; NaN without any."""
        if not self._values:
            return math.nan
        ordered = sorted(self._values)
        return ordered[max(math.ceil(fraction * len(ordered)), 1) - 1]


class Monitor:
    """Rates, ages and latencies by name, for ``/diagnostics``.

    Args:
        rates: Names of the events that will be counted.
        latencies: Names of the durations that will be sampled.
    """

    def __init__(self, rates: tuple[str, ...], latencies: tuple[str, ...]) -> None:
        self._rates = {name: Rate() for name in rates}
        self._latencies = {name: Samples() for name in latencies}

    def event(self, name: str, steady: float) -> None:
        """Count an event at this steady time [s]."""
        self._rates[name].event(steady)

    def sample(self, name: str, seconds: float) -> None:
        """Take a duration [s]."""
        self._latencies[name].add(seconds)

    def values(self, steady: float) -> Mapping[str, str]:
        """All figures as text, at this steady time [s]."""
        figures: dict[str, float] = {}
        for name, rate in self._rates.items():
            figures[f"{name} [Hz]"] = rate.per_second(steady)
            figures[f"{name}: age [s]"] = steady - rate.last
        for name, samples in self._latencies.items():
            figures[f"{name}: p50 [s]"] = samples.quantile(0.5)
            figures[f"{name}: p95 [s]"] = samples.quantile(0.95)
            figures[f"{name}: p99 [s]"] = samples.quantile(0.99)
        return {key: f"{value:.3g}" for key, value in figures.items()}
