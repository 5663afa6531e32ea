"""What the adaptive cross-entropy method derives from its settings."""

from __future__ import annotations

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.config.presets import SearchSize


class Schedule:
    """Numbers of elites, widths and learning rates of one search.

    Attributes:
        elites: Candidates that pull the mean.
        shapers: Candidates that shape the covariance.
        final_width: Width after the last iteration, relative to the first. The fewer iterations,
            the wider, because the mean is then farther from the optimum.
    """

    def __init__(self, size: SearchSize, settings: AdaptiveCEMSettings) -> None:
        self._size, self._settings = size, settings
        self.elites = size.num_elites or max(1, round(0.3 * size.num_samples))
        self.shapers = max(1, round(size.num_samples * settings.shape_fraction))
        self.final_width = settings.final_sigma or 0.06 + 0.45 / size.iterations

    def rate(self, dims: int, *, warm: bool) -> float:
        """Return the step of the covariance in ``dims`` dimensions.

        By default it is larger the more samples there are per dimension. On a warm start it is
        smaller, because the covariance has been learned before.
        """
        rate, warm_rate = self._settings.learning_rate, self._settings.warm_learning_rate
        if rate < 0:
            rate = self._size.num_samples / (self._size.num_samples + 5 * dims)
        if not warm:
            return rate
        return rate / 2 if warm_rate < 0 else warm_rate

    def width(self, iteration: int) -> float:
        """Return the width in an iteration (counted from 0), relative to the first."""
        done = iteration / self._size.iterations
        return float(self.final_width ** (done**self._settings.haste))
