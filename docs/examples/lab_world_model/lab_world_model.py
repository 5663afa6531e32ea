"""A lab's own world model, which wm_planner finds through its entry point.

It averages the image over a grid of cells and predicts with a small network how the cells change.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wm_planner.models import ModelSpec
from wm_planner.models.loading import WeightsError
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.shared.images import preprocess_for
from wm_planner.planning import Objective

CELLS = 8  # along one side of the image


def networks(spec: ModelSpec) -> nn.Module:
    """Build the network to train: from cells and action to the change of the cells."""
    width = 3 * CELLS**2
    return nn.Sequential(
        nn.Linear(width + spec.model_action_dim, 256), nn.GELU(), nn.Linear(256, width)
    )


class LabWorldModel:
    """Implements ``wm_planner.models.protocol.WorldModel``."""

    static_rollout = True  # no branch depends on the numbers in a tensor

    def __init__(self, spec: ModelSpec, weights: Path, device: torch.device) -> None:
        self.spec, self.device = spec, device
        self._preprocess = preprocess_for(spec.image, device)
        self._dynamics = networks(spec)
        try:
            self._dynamics.load_state_dict(load_file(weights))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise WeightsError(f"{weights} does not fit model.yaml: {error}") from error
        self._dynamics.to(device).eval().requires_grad_(False)

    @torch.no_grad()
    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode the newest images: ``visual`` (B, 1, cells, 3)."""
        newest = self._preprocess(observation.images[:, -1:])[:, 0]
        cells = nn.functional.adaptive_avg_pool2d(newest, CELLS)
        return Latent(visual=cells.flatten(2).transpose(1, 2)[:, None])

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict frames: ``visual`` (B, N, 1 + H, cells, 3), the observed one first."""
        B, N, H, _ = actions.shape
        state = latent.visual[:, None, -1].flatten(2).expand(B, N, -1)
        frames = [state]
        for step in range(H):  # the first action acts on the newest image
            change = self._dynamics(torch.cat([state, actions[:, :, step].to(state)], dim=-1))
            state = state + change
            frames.append(state)
        return Latent(visual=torch.stack(frames, dim=2).unflatten(-1, (-1, 3)))

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Combine the frames' mean squared differences to the goal: (B, N)."""
        frames = latent.visual if latent.visual.ndim == 5 else latent.visual[:, None]
        return objective((frames - goal.visual[:, None, -1:]).square().mean(dim=(-2, -1)))

    def decode(self, latent: Latent) -> Tensor | None:
        """Return None: this model has no decoder."""
        return None
