"""A LeWM model behind the protocol of all world models.

Upstream: ``jepa.py`` of lucas-maes/le-wm, ``wm/lewm/lewm.py`` of stable-worldmodel 0.1.1.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from wm_planner.files.safetensors_file import WeightFiles
from wm_planner.models.lewm.networks import Networks
from wm_planner.models.lewm.rollout import LewmRollout
from wm_planner.models.network_weights import ready_networks
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.shared.compute import PRECISIONS, Compute, in_a_graph
from wm_planner.models.shared.distances import distance_to_goal
from wm_planner.models.shared.images import preprocess_for
from wm_planner.models.shared.rollout import check_actions, history_actions, observed_first
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective


class LewmWorldModel:
    """A LeWM model, whose latent is one vector per image; it takes no proprio.

    Implements ``wm_planner.models.protocol.WorldModel``.

    Args:
        spec: The content of ``model.yaml``.
        weights: The ``safetensors`` files; None leaves the networks untrained (for tests and
            benchmarks).
        device: The device of the networks.
        **options: See ``Compute``.

    Raises:
        SpecError: The spec is incomplete or contradicts itself.
        ValueError: An option does not have this value.
        WeightsError: The weights cannot be read or do not fit the spec.
    """

    static_rollout = True  # no branch depends on the numbers in a tensor
    precisions = tuple(PRECISIONS)

    def __init__(
        self,
        spec: ModelSpec,
        weights: WeightFiles | None,
        device: torch.device = torch.device("cpu"),
        **options: Any,
    ) -> None:
        self._compute = Compute(**options)
        self.spec = spec
        self.device = device
        self.networks = ready_networks(lambda: Networks(spec), weights, device)
        self._preprocess = preprocess_for(spec.image, device)
        self._prepare()

    def use(self, precision: str, compute: str) -> None:
        """Compute later rollouts in another way; see ``WorldModel``."""
        self._compute = replace(self._compute, precision=precision, compute=compute)
        self._prepare()

    @torch.no_grad()  # not inference_mode: a gradient planner differentiates through rollouts
    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode into ``visual`` (B, T, 1, latent).

        Raises:
            ValueError: Images or actions do not have the shapes that the spec demands.
        """
        images = self._preprocess(observation.images)
        batch, frames = images.shape[:2]
        actions = history_actions(
            observation.actions, batch, frames, self.spec.model_action_dim, self.device
        )
        encoder = self._encoder if batch == 1 else self._plain_encoder
        latents = encoder(images.flatten(0, 1))
        return Latent(visual=latents.unflatten(0, (batch, frames)), actions=actions)

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict H frames for B problems of N candidates; gradients flow to ``actions``.

        Returns:
            ``visual`` (B, N, T + H, 1, latent): the T observed frames, then the predicted frames.

        Raises:
            ValueError: ``actions`` is not (B, N, H, A), or the latent's history lacks its actions.
        """
        visual = latent.visual
        if visual.ndim != 4:
            raise ValueError("a rollout starts from what encode returned")
        check_actions(actions, len(visual), self.spec.model_action_dim)
        history = self._history(visual, latent.actions)
        modulations = self._modulations(actions.to(self.device, visual.dtype))
        predicted = self._rollout(history, modulations, self._rollout.with_action)
        return Latent(visual=observed_first(visual, predicted))

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Return the costs (B, N): the objective of squared distances to the goal.

        Args:
            latent: A rollout, or encoded images, which count as N = 1.
            goal: The goal's latent, ``visual`` (B, 1, 1, latent).
            objective: How frames are combined.

        Raises:
            ValueError: The shapes do not fit each other.
        """
        return objective(distance_to_goal(latent, goal, self.spec.objective, objective.mode))

    def decode(self, latent: Latent) -> Tensor | None:
        """Return None: LeWM has no decoder."""
        return None

    def _prepare(self) -> None:
        """Build the rollout and the encoder for the current options."""
        networks = self.networks
        with torch.inference_mode(False):  # compiled code asks for one kind of weights
            self._rollout = LewmRollout(networks.predictor, networks.pred_proj, self._compute)
        self._plain_encoder = partial(_latents, networks)
        self._encoder = in_a_graph(self._plain_encoder, self._compute)

    def _modulations(self, actions: Tensor) -> Tensor:
        return self._rollout.modulations(self.networks.action_encoder(actions))

    def _history(self, visual: Tensor, actions: Tensor | None) -> Tensor:
        """Return observed frames (B, T, 1, ...), all but the newest with their actions."""
        if visual.shape[1] == 1:
            return visual
        if actions is None:
            raise ValueError("a history of several frames needs the actions between them")
        past = self._rollout.with_action(visual[:, :-1], self._modulations(actions))
        newest = past.new_zeros(len(visual), 1, 1, past.shape[-1])
        newest[..., : visual.shape[-1]] = visual[:, -1:]
        return torch.cat([past, newest], dim=1)


def _latents(networks: Networks, images: Tensor) -> Tensor:
    """Encode preprocessed images (N, 3, height, width): (N, 1, latent)."""
    latents: Tensor = networks.projector(networks.encoder(images)[:, :1])
    return latents
