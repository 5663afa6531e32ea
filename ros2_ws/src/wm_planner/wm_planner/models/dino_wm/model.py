"""A DINO-WM model behind the protocol of all world models.

Upstream: ``models/visual_world_model.py`` and ``preprocessor.py`` of gaoyuezhou/dino_wm.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.files.safetensors_file import WeightFiles
from wm_planner.models.dino_wm.compute import DinoCompute
from wm_planner.models.dino_wm.encoder import Encoder
from wm_planner.models.dino_wm.networks import Networks
from wm_planner.models.dino_wm.rollout import DinoRollout
from wm_planner.models.dino_wm.tokens import TokenLayout
from wm_planner.models.network_weights import ready_networks
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.shared.compute import PRECISIONS, in_a_graph
from wm_planner.models.shared.distances import distance_to_goal, proprio_distance
from wm_planner.models.shared.images import check_square, preprocess_for
from wm_planner.models.shared.rollout import check_actions, history_actions, observed_first
from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective

DECODED_AT_ONCE = 32
"""Images that are decoded at a time, which bounds the memory."""


class DinoWorldModel:
    """A DINO-WM model.

    Implements ``wm_planner.models.protocol.WorldModel``. A latent holds the tokens of a frame and
    its embedded proprio; the distance is DINO-WM's planning objective (``planning/objectives.py``).

    Args:
        spec: The content of ``model.yaml``.
        weights: The ``safetensors`` files; None leaves the networks untrained (for tests and
            benchmarks).
        device: The device of the networks.
        **options: See ``DinoCompute``.

    Raises:
        SpecError: The spec is incomplete or contradicts itself.
        ValueError: An option does not have this value.
        WeightsError: The weights cannot be read or do not fit the spec.
    """

    static_rollout = True  # no branch depends on the numbers in a tensor
    precisions = tuple(PRECISIONS)
    # train.py (lines 220-229, after load_ckpt) makes it and the proprio encoder anew.
    redrawn_on_resume = ("action_encoder",)

    def __init__(
        self,
        spec: ModelSpec,
        weights: WeightFiles | None,
        device: torch.device = torch.device("cpu"),
        **options: Any,
    ) -> None:
        self._compute = DinoCompute(**options)
        self.spec = spec
        self.device = device
        self.networks = ready_networks(lambda: Networks(spec), weights, device)
        self.architecture = self.networks.architecture
        self.tokens = TokenLayout(self.architecture)
        self.token_grid = self.architecture.encoder.token_grid
        self._prepare()
        image = spec.image
        check_square(image, spec.family)
        self._preprocess = preprocess_for(image, device)
        self._image_mean = self._constant(image.mean).view(3, 1, 1)
        self._image_std = self._constant(image.std).view(3, 1, 1)
        moments = spec.statistics.proprio if spec.proprio.names else None
        self._proprio_mean = self._constant(moments.mean if moments else [0.0])
        self._proprio_std = self._constant(moments.std if moments else [1.0])

    def use(self, precision: str, compute: str) -> None:
        """Compute later rollouts in another way; see ``WorldModel``."""
        self._compute = replace(self._compute, precision=precision, compute=compute)
        self._prepare()

    @torch.no_grad()  # not inference_mode: a gradient planner differentiates through rollouts
    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode into ``visual`` (B, T, tokens, width) and ``proprio`` (B, T, proprio_emb_dim).

        Raises:
            ValueError: Images, proprio or actions do not have the shapes that the spec demands.
        """
        images = self._preprocess(observation.images)
        batch, frames = images.shape[:2]
        proprio = self._normalized_proprio(observation.proprio, batch, frames)
        actions = history_actions(
            observation.actions, batch, frames, self.spec.model_action_dim, self.device
        )
        encoder = self._encoder if batch == 1 else self._plain_encoder
        tokens = encoder(images.flatten(0, 1))
        return Latent(
            visual=tokens.unflatten(0, (batch, frames)),
            proprio=self.networks.proprio_encoder(proprio),
            actions=actions,
        )

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict H frames for B problems of N candidates; gradients flow to ``actions``.

        Returns:
            ``visual`` (B, N, T + H, tokens, width) and ``proprio`` (B, N, T + H, proprio_emb_dim):
            the T observed frames, then the predicted frames.

        Raises:
            ValueError: ``actions`` is not (B, N, H, A), or the latent's history lacks its actions.
        """
        visual, proprio = latent.visual, latent.proprio
        if visual.ndim != 4 or proprio is None:
            raise ValueError("a rollout starts from what encode returned")
        check_actions(actions, len(visual), self.spec.model_action_dim)
        history = self._history(visual, proprio, latent.actions)
        embedded = self.networks.action_encoder(actions.to(self.device, history.dtype))
        predicted = self._rollout(history, embedded, self.tokens.with_action)
        later = self.tokens.split(predicted)
        return Latent(
            visual=observed_first(visual, later[0]), proprio=observed_first(proprio, later[1])
        )

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Return the costs (B, N): the objective of squared distances to the goal.

        Args:
            latent: A rollout, or encoded images, which count as N = 1.
            goal: The goal's latent, ``visual`` (B, 1, tokens, width).
            objective: How frames and proprio are combined.

        Raises:
            ValueError: The shapes do not fit each other.
        """
        per_frame = distance_to_goal(latent, goal, self.spec.objective, objective.mode)
        cost: Tensor = objective(per_frame, proprio_distance(latent, goal, per_frame.shape[2]))
        return cost

    @torch.no_grad()
    def decode(self, latent: Latent) -> Tensor | None:
        """Decode frames into images uint8 (..., height, width, 3), RGB; None without a decoder."""
        decoder = self.networks.decoder
        if decoder is None:
            return None
        images = [
            self._images(decoder(some))
            for some in latent.visual.flatten(0, -3).split(DECODED_AT_ONCE)
        ]
        return torch.cat(images).unflatten(0, latent.visual.shape[:-2])

    def _images(self, normalized: Tensor) -> Tensor:
        """Turn normalized (N, 3, height, width) into uint8 (N, height, width, 3), RGB."""
        values = 255.0 * (normalized * self._image_std + self._image_mean)
        images = values.round().clamp(0, 255).to(torch.uint8)
        if self.spec.image.color_order == "bgr":
            images = images.flip(1)
        return images.permute(0, 2, 3, 1)

    def _history(self, visual: Tensor, proprio: Tensor, actions: Tensor | None) -> Tensor:
        """Return observed frames (B, T, tokens, width), all but the newest with their actions."""
        frames = self.tokens.join(visual, proprio)
        if frames.shape[1] == 1:
            return frames
        if actions is None:
            raise ValueError("a history of several frames needs the actions between them")
        past = self.networks.action_encoder(actions)
        return torch.cat([self.tokens.with_action(frames[:, :-1], past), frames[:, -1:]], dim=1)

    def _constant(self, numbers: list[float]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float32, device=self.device)

    def _prepare(self) -> None:
        """Build the rollout and the encoder for the current options."""
        with torch.inference_mode(False):  # compiled code asks for one kind of weights
            self._rollout = DinoRollout(self.networks.predictor, self._compute)
        self._plain_encoder = partial(_tokens, self.networks.encoder)
        self._encoder = in_a_graph(self._plain_encoder, self._compute)

    def _normalized_proprio(self, proprio: Tensor | None, batch: int, frames: int) -> Tensor:
        """Return normalized proprio (B, T, P); zero if the model was trained without."""
        names = self.spec.proprio.names
        if not names and proprio is None:
            return torch.zeros(batch, frames, 1, device=self.device)
        if proprio is None or not names or proprio.shape != (batch, frames, len(names)):
            given = None if proprio is None else tuple(proprio.shape)
            raise ValueError(
                f"proprio must be ({batch}, {frames}, {len(names)}), the model's "
                f"{', '.join(names) or 'none'}, not {given}"
            )
        return (proprio.to(self.device, torch.float32) - self._proprio_mean) / self._proprio_std


def _tokens(encoder: Encoder, images: Tensor) -> Tensor:
    """Encode (N, 3, size, size), resized to the encoder's input (``encoder_transform``)."""
    size = encoder.architecture.input_size
    if images.shape[-1] != size:
        images = functional.interpolate(
            images, size=(size, size), mode="bilinear", align_corners=False, antialias=True
        )
    tokens: Tensor = encoder(images)
    return tokens
