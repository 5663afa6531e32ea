"""How a training computes the statistics of its dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rule:
    """Mean and standard deviation per column, bit for bit as the training computes them.

    Attributes:
        words: The rule in words, for the provenance.
        epsilon: Added to the standard deviation (``deformable_env_dset.py``).
        ddof: Subtracted from the number of rows in the divisor of the variance: 1, or 0.
        drops_nan: Rows with a NaN do not count (the last action of an episode of LeWM's).
        stacked: If all episodes have one length, reduce (N, T, d) over both axes at once
            (``wall_dset.py``) instead of the concatenated rows. The two differ by rounding.
        constants: Mean and standard deviation per quantity, if the training does not compute them
            (``pusht_dset.py``).
    """

    words: str
    epsilon: float = 0.0
    ddof: int = 1
    drops_nan: bool = False
    stacked: bool = False
    constants: dict[str, tuple[Tensor, Tensor]] | None = None

    def measure(self, episodes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation (d,) of episodes (T_i, d), in their dtype."""
        if self.stacked and len({len(rows) for rows in episodes}) == 1:
            block = torch.stack(list(episodes))
            return block.mean(dim=(0, 1)), block.std(dim=(0, 1)) + self.epsilon
        rows = torch.vstack(list(episodes))
        std = torch.std(rows, dim=0, correction=self.ddof)
        return torch.mean(rows, dim=0), std + self.epsilon

    def counted(self, rows: Tensor) -> Tensor:
        """Return the rows (n, d) of (T, d) that count."""
        return rows[~rows.isnan().any(dim=1)] if self.drops_nan else rows
