"""How the embedded model of each task is trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Schedule:
    """Length of one training.

    Attributes:
        steps: Gradient steps.
        batch: Samples per step.
        rate: Peak learning rate of the one-cycle schedule (Smith and Topin, 2018).
    """

    steps: int
    batch: int
    rate: float


@dataclass(frozen=True)
class Recipe:
    """What the networks of a task's model learn from.

    Attributes:
        episodes: Episodes with images.
        steps: Model steps of each.
        state_episodes: Episodes without images, from whose true states the predictor learns; 0: it
            learns from the encoded images.
        state_steps: Model steps of each.
        encoder: Training of the encoder.
        predictor: Training of the predictor.
        decoder: Training of the decoder.
        rollout: Model steps of the predictor's rollout in its training loss.
        noise: Standard deviation of what is added to the states that rollouts start from, as large
            as the encoder's errors [latent units].
        close: Share of the success radius within which a goal counts as reached when the tolerance
            is calibrated.
        tolerance: Distance below which goals and sub-goals count as reached [latent unit], set by
            hand; 0: calibrated. Only a task without sub-goals can be run before it is known.
        architecture: Sizes of the networks that are not the defaults of the family ``latent``.
    """

    episodes: int = 900
    steps: int = 20
    state_episodes: int = 0
    state_steps: int = 25
    encoder: Schedule = Schedule(steps=2000, batch=64, rate=2e-3)
    predictor: Schedule = Schedule(steps=3000, batch=256, rate=2e-3)
    decoder: Schedule = Schedule(steps=1500, batch=32, rate=4e-3)
    rollout: int = 5
    noise: float = 0.0
    close: float = 0.5
    tolerance: float = 0.0
    architecture: Mapping[str, int] = field(default_factory=dict)


GRASP = Recipe(
    episodes=600,
    steps=40,
    state_episodes=5000,
    state_steps=40,
    architecture={"hidden": 256},
    encoder=Schedule(steps=5000, batch=64, rate=2e-3),
    predictor=Schedule(steps=6000, batch=256, rate=2e-3),
    rollout=6,
    noise=0.03,
    tolerance=0.07,
)
"""For tasks with a gripper that opens and closes."""
RECIPES = {
    "reach": Recipe(),
    "push": Recipe(
        state_episodes=6000,
        encoder=Schedule(steps=4000, batch=64, rate=2e-3),
        predictor=Schedule(steps=4000, batch=256, rate=2e-3),
        rollout=8,
        noise=0.04,
        close=2 / 3,  # a cube, unlike a hand, stays where it is when the arm stops late
    ),
    "pick_place": GRASP,
    "stack": GRASP,
}
"""By the names of the tasks."""
