"""How the embedded model of each task is trained."""

from __future__ import annotations

from dataclasses import dataclass


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
}
"""By the names of the tasks."""
