"""``LatentWorldModel``: a small world model that takes images only."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from wm_planner.files.safetensors_file import WeightFiles
from wm_planner.models.latent.networks import GatedPredictor, ImageDecoder, KeypointEncoder
from wm_planner.models.network_weights import ready_networks
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.shared.distances import distance_to_goal
from wm_planner.models.shared.images import check_square, preprocess_for
from wm_planner.models.shared.rollout import check_actions
from wm_planner.models.spec import ModelSpec, SpecError
from wm_planner.planning import Objective
from wm_planner.text import quoted

SETTINGS = {
    "latent_dim": 3,
    "maps": 24,
    "width": 16,
    "hidden": 192,
    "decoder_size": 0,
    "decoder_width": 16,
}
"""Whole numbers of ``architecture`` in ``model.yaml``, and the defaults; no decoder if
``decoder_size`` is 0."""
WEIGHTS = "distance_weights"
"""One more setting: how much each number of the latent counts in the distance, a list of
``latent_dim`` numbers from 0 to ``MOST``, of which only the ratios matter; without it all count
alike. Other weights give other distances, so that the model has to be calibrated again."""
MOST = 16_384
"""The largest value of a setting."""


def build(spec: ModelSpec) -> nn.ModuleDict:
    """Build the untrained networks that ``spec`` describes.

    Returns:
        ``encoder``, ``predictor`` and, if ``decoder_size`` is not 0, ``decoder``.

    Raises:
        SpecError: A setting is unknown or has an impossible value, or the spec asks for a history
            or proprio.
    """
    if unknown := set(spec.architecture) - {*SETTINGS, WEIGHTS}:
        raise SpecError(f"architecture has unknown settings {sorted(unknown)}")
    settings = {name: spec.architecture.get(name, default) for name, default in SETTINGS.items()}
    for name, value in settings.items():
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not (0 if name == "decoder_size" else 1) <= value <= MOST:
            raise SpecError(
                f"architecture.{name} must be a whole number from 1 to {MOST}, not {value!r}"
            )
    if spec.num_hist != 1 or spec.proprio.names:
        raise SpecError("the latent family takes one image: set num_hist to 1, and no proprio")
    latent_dim, size = settings["latent_dim"], settings["decoder_size"]
    networks: dict[str, nn.Module] = {
        "encoder": KeypointEncoder(
            spec.image.size, latent_dim, settings["maps"], settings["width"]
        ),
        "predictor": GatedPredictor(latent_dim, spec.model_action_dim, settings["hidden"]),
    }
    if size % 8:
        raise SpecError(f"architecture.decoder_size must be a multiple of 8, not {size}")
    if size:
        networks["decoder"] = ImageDecoder(latent_dim, size, settings["decoder_width"])
    return nn.ModuleDict(networks)


def distance_scales(spec: ModelSpec, device: torch.device) -> Tensor | None:
    """Return what each number of a latent is multiplied by before distances, (latent_dim,).

    Returns:
        ``sqrt(w / mean(w))`` of the ``distance_weights`` w; None without any.

    Raises:
        SpecError: They are not ``latent_dim`` numbers that can be weights.
    """
    given = spec.architecture.get(WEIGHTS)
    if given is None:
        return None
    count = spec.architecture.get("latent_dim", SETTINGS["latent_dim"])
    numbers = (
        [isinstance(w, int | float) and not isinstance(w, bool) for w in given]
        if isinstance(given, list)
        else []
    )
    if len(numbers) != count or not all(numbers):
        raise SpecError(
            f"architecture.{WEIGHTS} must be a list of {count} numbers, one for each number of the "
            f"latent, not {quoted(given)}"
        )
    if not all(0 <= weight <= MOST for weight in given) or not any(given):
        raise SpecError(
            f"architecture.{WEIGHTS} must lie between 0 and {MOST} and not all be 0, not "
            f"{quoted(given)}"
        )
    weights = torch.tensor(given, dtype=torch.float64)
    return (weights / weights.mean()).sqrt().float().to(device)


class LatentWorldModel:
    """A world model whose latent is one token of ``latent_dim`` numbers per image.

    Implements ``wm_planner.models.protocol.WorldModel``. The distance is the mean squared
    difference, as in DINO-WM's objective; with ``distance_weights`` their weighted mean.

    Args:
        spec: What ``model.yaml`` says.
        weights: The ``safetensors`` files; None leaves the networks untrained (for training and
            tests).
        device: Device of the networks.

    Raises:
        SpecError: The family cannot do what the spec asks for.
        WeightsError: The weights cannot be read or do not fit the spec.
    """

    def __init__(
        self,
        spec: ModelSpec,
        weights: WeightFiles | None,
        device: torch.device = torch.device("cpu"),
    ) -> None:
        self.spec = spec
        self.device = device
        self.networks = ready_networks(lambda: build(spec), weights, device)
        check_square(spec.image, spec.family)
        self._scales = distance_scales(spec, device)
        self._preprocess = preprocess_for(spec.image, device)

    def normalize(self, images: Tensor) -> Tensor:
        """Convert RGB images, uint8 (N, height, width, 3), to the encoder's float (N, 3, S, S)."""
        return self._preprocess(images[:, None])[:, 0]

    @torch.no_grad()  # not inference_mode: a gradient planner differentiates through rollouts
    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode the newest images: ``visual`` (B, 1, 1, latent_dim).

        Raises:
            ValueError: The images are not uint8 (B, T, height, width, 3).
        """
        images = observation.images
        if images.ndim != 5 or images.shape[-1] != 3 or images.dtype != torch.uint8:
            raise ValueError(
                "images must be uint8 (B, T, height, width, 3), "
                f"not {images.dtype} {tuple(images.shape)}"
            )
        codes = self.networks["encoder"](self.normalize(images[:, -1]))
        return Latent(visual=codes[:, None, None, :])

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict H frames for N candidates of each of B problems; differentiable.

        Returns:
            ``visual`` (B, N, 1 + H, 1, latent_dim): the observed frame, then the predicted ones.

        Raises:
            ValueError: ``actions`` is not (B, N, H, A) with the spec's A and the latent's B.
        """
        check_actions(actions, len(latent.visual), self.spec.model_action_dim)
        state = latent.visual[:, None, -1, 0].expand(-1, actions.shape[1], -1)
        actions = actions.to(state.device, state.dtype)
        frames = [state]
        for step in range(actions.shape[2]):
            state = self.networks["predictor"](state, actions[:, :, step])
            frames.append(state)
        return Latent(visual=torch.stack(frames, dim=2)[:, :, :, None])

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Combine the frames' squared distances to the goal: (B, N).

        Args:
            latent: A rollout (B, N, 1 + H, 1, latent_dim), or encoded images, which count as N = 1
                with one frame.
            goal: The goal's latent (B, 1, 1, latent_dim).
            objective: How the frames are combined.

        Raises:
            ValueError: The shapes do not fit each other.
        """
        if self._scales is not None:
            latent = replace(latent, visual=latent.visual * self._scales)
            goal = replace(goal, visual=goal.visual * self._scales)
        return objective(distance_to_goal(latent, goal, self.spec.objective, objective.mode))

    @torch.inference_mode()
    def decode(self, latent: Latent) -> Tensor | None:
        """Decode frames to RGB images, uint8 (..., side, side, 3); None without a decoder."""
        if "decoder" not in self.networks:
            return None
        codes = latent.visual[..., 0, :]
        drawn = self.networks["decoder"](codes.reshape(-1, codes.shape[-1]))
        images: Tensor = (255.0 * drawn).round().clamp(0, 255).to(torch.uint8)
        return images.permute(0, 2, 3, 1).unflatten(0, codes.shape[:-1])
