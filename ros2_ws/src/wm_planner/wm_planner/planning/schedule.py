"""How the adaptive cross-entropy method divides its candidates, and how its width falls."""

from __future__ import annotations

from wm_planner.config.planners import AdaptiveCEMSettings
from wm_planner.config.presets import SearchSize
from wm_planner.planning.history import Stage


def stages(size: SearchSize, broad: float, dims: int) -> list[Stage]:
    """Return the stages of a plan of ``dims`` numbers.

    A half learns nearly as well as the whole if it has at least two candidates for each number, one
    in each direction, and twice as many steps go farther. But long searches need all candidates at
    once at the beginning, to choose among several minima; their last 10 iterations are in halves.

    Args:
        size: Candidates and iterations.
        broad: Share of the candidates that looks elsewhere.
        dims: D.
    """
    n, iterations = size.num_samples, size.iterations
    if n % 2 or n < 4 * dims:
        return [_stage(iterations, 1, n, broad)]
    whole = max(0, iterations - 10)
    halves = _stage(iterations - whole, 2, n // 2, broad)
    return [_stage(whole, 1, n, broad), halves] if whole else [halves]


def _stage(iterations: int, calls: int, n: int, broad: float) -> Stage:
    aside = max(1, round(broad * n)) if broad and n >= 8 else 0
    return Stage(iterations, calls, n, n - min(aside, n - 2))


def widths_over_time(stages: list[Stage], settings: AdaptiveCEMSettings) -> list[list[float]]:
    """Return the width of every call of each stage, and after its last one.

    They fall from 1 to ``final_sigma``; if that is 0, the fewer calls, the wider, because the mean
    is then farther from the optimum.
    """
    calls = sum(stage.iterations * stage.calls for stage in stages)
    final = settings.final_sigma or 0.02 + 0.45 / calls
    widths = [float(final ** ((call / calls) ** settings.haste)) for call in range(calls + 1)]
    first, parts = 0, []
    for stage in stages:
        end = first + stage.iterations * stage.calls
        parts.append(widths[first : end + 1])
        first = end
    return parts


def looks(iterations: int) -> set[int]:
    """Return after how many iterations to look whether a better plan was seen."""
    return {1 + round(iterations * at / 5) for at in (1, 2, 3)} & set(range(2, iterations))


def mean_calls(stages: list[Stage]) -> list[list[int]]:
    """Return per stage the calls of which the mean is a candidate: the first, and before looks."""
    iterations, first, parts = sum(stage.iterations for stage in stages), 0, []
    for stage in stages:
        ends = [(done - first) * stage.calls - 1 for done in sorted(looks(iterations))]
        calls = [call for call in ends if 0 <= call < stage.iterations * stage.calls]
        parts.append(sorted({*calls, *([0] if first == 0 else [])}))
        first += stage.iterations
    return parts
