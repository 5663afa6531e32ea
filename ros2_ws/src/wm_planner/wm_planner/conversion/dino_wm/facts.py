"""The facts that a conversion of DINO-WM needs beside its files."""

from __future__ import annotations

from wm_planner.conversion.dino_wm.training_run import Configuration
from wm_planner.conversion.facts import Facts, fill_from_layout
from wm_planner.conversion.missing_facts import (
    MissingFact,
    listed_missing,
    missing_of_every_family,
)
from wm_planner.datasets import Dataset

UNUSED = ("epochs", "predictor_heads", "camera_crop", "normalization")
"""Facts that this family does not use."""
DEFORMABLE = "deformable_env_dset"
"""Upstream's dataset without proprio, which gives the model a single zero."""


def fill_in(facts: Facts, dataset: Dataset | None, config: Configuration) -> None:
    """Fill in what the dataset's layout and the configuration say.

    Raises:
        ConversionError: The user gave others.
    """
    target = str(config.find("env.dataset._target_"))
    if facts.proprio.names is None and DEFORMABLE in target.split("."):
        facts.proprio.names = []
    fill_from_layout(facts, dataset)


def missing_facts(
    facts: Facts, action_dim: int, proprio_dim: int, heads: bool
) -> list[MissingFact]:
    """List the facts that are missing.

    Args:
        facts: The facts that were given.
        action_dim: Numbers in one environment step's action.
        proprio_dim: Numbers in the proprio.
        heads: Whether the encoder's number of heads is needed.
    """
    proprio = facts.proprio
    states = f"{proprio_dim} names, in the dataset's order"
    if proprio_dim == 1:
        states += "; [] if it has none"
    return missing_of_every_family(facts, action_dim) + listed_missing(
        (proprio.names is None, "--proprio-names", states),
        (proprio.names != [] and not proprio.units, "--proprio-units", f"{proprio_dim} units"),
        (heads and not facts.encoder_heads, "--encoder-heads", "attention heads of the encoder"),
    )
