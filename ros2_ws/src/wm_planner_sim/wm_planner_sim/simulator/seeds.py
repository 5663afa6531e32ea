"""Ranges of seeds, disjoint so that nothing is evaluated on what it was trained on."""

from __future__ import annotations

TRAINING = range(0, 100_000)
"""Episodes to learn from and to compute the action statistics from."""
CALIBRATION = range(100_000, 200_000)
"""Scenes for calibrating distances and for choosing between models."""
EVALUATION = range(200_000, 300_000)
"""Scenes of the figures in the model card and of the tests."""
DEMO = range(1_000_000, 2_000_000)
"""Scenes of the demo."""

PER_RUN = 10_000
"""Training episodes that one run of ``make_model`` may use: ``--seed`` picks the block."""
BLOCKS = len(TRAINING) // PER_RUN


def training_block(seed: int) -> range:
    """Return the training seeds of one run.

    Raises:
        ValueError: ``seed`` is outside 0 to 9.
    """
    if not 0 <= seed < BLOCKS:
        raise ValueError(f"seed must lie between 0 and {BLOCKS - 1}, not {seed}")
    return TRAINING[seed * PER_RUN : (seed + 1) * PER_RUN]
