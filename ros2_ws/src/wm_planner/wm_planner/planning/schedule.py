"""What the adaptive cross-entropy method derives from its settings."""

from __future__ import annotations

import itertools

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.config.presets import SearchSize


class Schedule:
    """Numbers of elites, widths and learning rates of one search.

    Attributes:
        elites: Candidates that pull the mean.
        shapers: Candidates that shape the covariance.
        final_width: Width after the last iteration, relative to the first. The fewer iterations,
            the wider, because the mean is then farther from the optimum.
        narrowing: Per iteration, width of the next one over its own.
    """

    def __init__(self, searching: int, size: SearchSize, settings: AdaptiveCEMSettings) -> None:
        """Derive the numbers for ``searching`` candidates of an iteration."""
        self._searching, self._settings = searching, settings
        self.elites = size.num_elites or max(1, round(0.2 * searching))
        self.shapers = max(1, round(searching * settings.shape_fraction))
        self.final_width = settings.final_sigma or 0.02 + 0.45 / size.iterations
        over_time = [i / size.iterations for i in range(size.iterations + 1)]
        widths = [float(self.final_width ** (done**settings.haste)) for done in over_time]
        self.narrowing = [after / before for before, after in itertools.pairwise(widths)]

    def rate(self, dims: int, *, warm: bool) -> float:
        """Return the step of the covariance in ``dims`` dimensions.

        By default it is larger the more samples there are per dimension. On a warm start it is
        smaller, because the covariance has been learned before.
        """
        rate, warm_rate = self._settings.learning_rate, self._settings.warm_learning_rate
        if rate < 0:
            rate = self._searching / (self._searching + 5 * dims)
        if not warm:
            return rate
        return rate / 2 if warm_rate < 0 else warm_rate
