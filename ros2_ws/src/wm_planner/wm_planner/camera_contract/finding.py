"""The result of a check, with what it does."""

from __future__ import annotations

from dataclasses import dataclass

STOP, WARN, OFF = "stop", "warn", "off"
"""Severities: end or reject the goal; report; leave the check out."""


@dataclass(frozen=True)
class Finding:
    """The result of one check of one image.

    Attributes:
        name: Name of the check.
        score: The measured number.
        threshold: The number that the score is compared with.
        severity: ``stop`` or ``warn``.
        found: Whether the image fails the check.
        sentence: What is wrong and what to do; only meaningful if ``found``.
    """

    name: str
    score: float
    threshold: float
    severity: str
    found: bool
    sentence: str
