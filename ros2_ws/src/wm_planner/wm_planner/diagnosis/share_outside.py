"""The share of recorded numbers that lie outside what the model knows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wm_planner.diagnosis.check_result import Result, graded, judge

SHARE = 0.01
"""Share of a recording's numbers that may lie outside; ten times as many stop."""


def judge_share(
    name: str, outside: NDArray[np.bool_], names: list[str], where: str, cure: str
) -> Result:
    """Judge the column with the most numbers outside.

    Args:
        name: Name of the result.
        outside: (K, n), which recorded numbers lie outside.
        names: The n columns.
        where: Outside of what, for the sentence.
        cure: What that means and what to do.
    """
    shares = outside.mean(axis=0)
    worst = int(shares.argmax())
    verdict, _ = graded(float(shares[worst]), SHARE, 10 * SHARE)
    evidence = f"{shares[worst]:.1%} of {names[worst]} {where}"
    return judge(name, float(shares[worst]), SHARE, verdict, f"{evidence}. {cure}", evidence)
