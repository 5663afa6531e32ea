"""The contract between the planner and a world model.

The worker calls ``encode`` once per goal and per new image, and ``distance`` on both. For each
iteration of the planner it calls ``rollout`` with the candidates, in several calls if memory is
short, and ``distance`` on what ``rollout`` returned. It calls ``decode`` only to show a plan. Calls
never overlap.

In all shapes B counts problems (one image and one goal each; the node plans with B = 1), N the
candidates of each problem, T observed frames and H model steps. A is ``ModelSpec.model_action_dim``
and P the number of ``proprio.names``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from wm_planner.models.spec import ModelSpec
from wm_planner.planning import Objective


@dataclass(frozen=True)
class ObservationBatch:
    """Observations as a model takes them, oldest frame first, not normalized.

    The planner puts the tensors on the model's device; a model accepts those of other devices too.

    Attributes:
        images: RGB images of the spec's first view, uint8 (B, T, height, width, 3) in [0, 255], of
            any height and width; the model resizes.
        proprio: Robot state, float32 (B, T, P) in the spec's order and units; None if the model
            takes none.
        actions: z-normalized actions that led from each frame to the next, float32 (B, T - 1, A),
            for models that look back; None if T is 1.
        views: Images of the spec's other views, in its order, each like ``images``.
    """

    images: Tensor
    proprio: Tensor | None = None
    actions: Tensor | None = None
    views: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class Latent:
    """Frames in the model's latent space, floating point, on the model's device.

    Attributes:
        visual: (B, T, tokens, features); after a rollout (B, N, frames, tokens, features).
        proprio: Embedded proprio (B, T, features), after a rollout (B, N, frames, features); None
            if the model has none.
        actions: The observation's actions (B, T - 1, A), which a rollout of a model that looks back
            needs; None otherwise.
        weights: Of a goal: how much each token counts in the distance, (B, 1, tokens) in [0, 1],
            not all of them 0; None: the same as all 1.
        masked: Of a goal with weights: whether they are those of masks, bool (B, 1); its proprio
            then does not count.
    """

    visual: Tensor
    proprio: Tensor | None = None
    actions: Tensor | None = None
    weights: Tensor | None = None
    masked: Tensor | None = None


class WorldModel(Protocol):
    """A trained model that predicts the latents of future images.

    A family is a class called as ``family(spec, weights, device, **options)``. ``weights`` is the
    path of the weight file, or a tuple of paths if the spec has ``more_weights``. Its networks are
    in evaluation mode, its parameters do not require gradients, and its methods are deterministic.
    Actions are z-normalized (``ModelSpec.normalize_actions``), one model step each: ``frameskip``
    environment actions in time order.

    A family may set the attribute ``static_rollout = True``: ``rollout`` then runs the same
    operations whatever numbers it is given, and takes time in proportion to N, and neither it nor
    ``distance`` waits for the device. The cost can then be counted without computing it, and a GPU
    may replay it as a CUDA graph. Without the attribute nothing of the kind is assumed.

    A family that can compute rollouts in several ways has a method ``use(precision, compute)``,
    which changes how later rollouts are computed, and names its precisions in the attribute
    ``precisions``, of ``float32``, ``tf32``, ``bfloat16`` and ``float16``. If ``compute`` is
    ``compiled``, it may use ``torch.compile``. On a GPU the worker then takes a faster way if it
    plans as float32 does (``worker/fastest.py``). It discards its CUDA graphs when it calls
    ``use``.

    A family whose latents hold tokens of parts of the image may set the attribute ``token_grid`` to
    their (rows, columns): the tokens of a view are those of equal parts of its square image, row by
    row, those of the first view first. Goals may then have masks, which ``distance`` gets as
    ``Latent.weights`` and ``masked``; ``distance_to_goal`` and ``proprio_distance`` of
    ``models/shared/distances.py`` obey them. Without the attribute, or if it is None, masks are
    refused.

    The attribute ``redrawn_on_resume`` may name parts of the weights that the training code of the
    family draws anew when a run is resumed; the doctor checks whether they look untrained.

    Attributes:
        spec: What ``model.yaml`` says.
        device: Where the networks are, and where latents and distances are returned.
    """

    spec: ModelSpec
    device: torch.device

    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode B observations of T frames.

        What depends on the image alone belongs here, because ``encode`` runs once per image and
        ``rollout`` in every iteration.

        Raises:
            ValueError: A shape or dtype is not what the spec says.
        """
        ...

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict H frames for N candidates of each of B problems.

        The planner may differentiate through this method and ``distance``, so neither may use
        ``torch.inference_mode`` or ``torch.no_grad``.

        Args:
            latent: What ``encode`` returned for B observations.
            actions: Floating point (B, N, H, A) on the model's device; ``actions[:, :, 0]`` acts on
                the newest observed frame. H may differ from call to call.

        Returns:
            Frames of the rollouts in time order, the newest last. A family may put the observed
            frames first (the included families do); the planner then drops all of them but the
            newest, so that costs mean the same however many were observed.

        Raises:
            ValueError: The shape of ``actions`` does not fit ``latent`` or the spec.
        """
        ...

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Measure the distance of B x N rollouts to B goals.

        Args:
            latent: What ``rollout`` returned, from the newest observed frame on; what ``encode``
                returned counts as N = 1.
            goal: What ``encode`` returned for the goals' observations (T = 1).
            objective: How frames and proprio are combined; by default only the last frame counts.

        Returns:
            Squared distances (B, N), never negative (``models/shared/distances.py``). The planner
            takes the root and divides it by ``calibration.typical_distance``.

        Raises:
            ValueError: The shapes of ``latent`` and ``goal`` do not fit each other.
        """
        ...

    def decode(self, latent: Latent) -> Tensor | None:
        """Decode frames to RGB images, for people to look at.

        Args:
            latent: What ``encode`` or ``rollout`` returned.

        Returns:
            uint8 (B, T, height, width, 3) or (B, N, frames, height, width, 3), square and of any
            size; None if the model has no decoder.
        """
        ...
