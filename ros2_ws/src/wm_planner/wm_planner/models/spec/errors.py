"""Errors of ``model.yaml``."""

from __future__ import annotations


class SpecError(ValueError):
    """``model.yaml`` is missing, cannot be read, or has a wrong entry."""


class StatisticsError(SpecError):
    """The normalization statistics have no provenance, or were changed after the export."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(
            f"{where}: the normalization statistics cannot be trusted: {problem}. Export the model "
            "again with its dataset, or set model.allow_unverified_statistics to use them anyway "
            "(every status will then say so)."
        )
