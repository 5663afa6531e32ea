"""The model that the doctor examines, loaded, with its planner and what is known to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wm_planner.camera_contract import STOP
from wm_planner.cli.camera import Contract
from wm_planner.cli.errors_as_findings import Told
from wm_planner.cli.report import Section
from wm_planner.diagnosis import checkpoint, soundness
from wm_planner.models.protocol import WorldModel
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective, Planner
from wm_planner.worker.from_settings import objective_for, planner_for

CONSEQUENCES = ("one_step", "rollout", "action_use")
"""Findings that have a cause, and are none."""


@dataclass
class Subject:
    """A loaded model.

    Attributes:
        model: The model.
        contract: What images are held against, with the settings.
        section: What was found out about the model alone.
    """

    model: WorldModel
    contract: Contract
    section: Section

    @property
    def spec(self) -> ModelSpec:
        """The model's."""
        return self.model.spec

    def examine_alone(self, directory: Path, encoder: Path | None) -> None:
        """What weights and networks tell.

        Args:
            directory: Of the model.
            encoder: The encoder's file that the training loaded, or None.
        """
        section, training = self.section, self.spec.training
        weights = directory / self.spec.weights.file
        with Told(section, "weights"):
            section.results.append(checkpoint.untrained(weights))
            section.results += filter(None, [checkpoint.action_encoder(weights, training)])
            section.results += soundness.check(self.model)
        if encoder is not None:
            with Told(section, "encoder_file"):
                section.results.append(checkpoint.encoder_file(self.spec, encoder))
        if not soundness.modules(self.model):
            section.notes.append(
                f"The family '{self.spec.family}' does not show its networks: whether they are in "
                "evaluation mode and frozen is known only from the same input twice."
            )

    def causes(self, section: Section) -> list[str]:
        """Findings on the model and in a section that explain why predictions fail."""
        found = [*self.section.results, *section.results]
        return [r.name for r in found if r.verdict == STOP and r.name not in CONSEQUENCES]

    def objective(self) -> Objective:
        """As configured; by default the model's own."""
        return objective_for(self.spec, self.contract.config.objective)

    def planner(self, horizon: int) -> Planner:
        """As configured, for another horizon."""
        return planner_for(self.model, self.contract.config.planning, horizon=horizon)
