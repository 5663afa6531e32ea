"""DINO-WM's planning as upstream computes it, with the weights of one of our models.

In our own words after gaoyuezhou/dino_wm at 0a9492f: ``planning/cem.py``, ``rollout`` of
``models/visual_world_model.py``, ``models/vit.py``, ``planning/objectives.py`` (``last``). The
image is encoded again for every candidate, attention is a full masked matrix, and every step
computes its whole window. Only the encoder is ours, with fused attention.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.dino_wm.model import DinoWorldModel


class Upstream:
    """Plans for one problem from one frame.

    Attributes:
        trace: Candidates (S, H, A) and their losses (S,) of each iteration of the last plan.
    """

    def __init__(self, model: DinoWorldModel) -> None:
        self.networks, self.sizes = model.networks, model.architecture
        self.num_hist, self.action_dim = model.spec.num_hist, model.spec.model_action_dim
        self.device = model.device
        predictor = self.sizes.predictor
        frame = torch.arange(predictor.frames * predictor.tokens, device=self.device)
        frame = frame // predictor.tokens
        self.mask = (frame[:, None] >= frame[None, :]).float()
        self.trace: list[tuple[Tensor, Tensor]] = []

    def encode(self, images: Tensor, proprio: Tensor) -> tuple[Tensor, Tensor]:
        """Embed normalized images (b, 3, 224, 224) and proprio (b, P)."""
        side = self.sizes.encoder.input_size
        resized = functional.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
        return self.networks.encoder(resized), self.networks.proprio_encoder(proprio)

    def write(self, z: Tensor, action: Tensor) -> Tensor:
        """Write the actions (b, A) into the newest frame of z (b, t, tokens, width)."""
        z[:, -1, :, -self.sizes.action_width :] = self.networks.action_encoder(action)[:, None]
        return z

    def predict(self, z: Tensor) -> Tensor:
        """Predict the frames after frames (b, t, tokens, width)."""
        x = z.flatten(1, 2)
        length = x.shape[1]
        x = x + self.networks.predictor.pos_embedding[:, :length]
        mask = self.mask[:length, :length]
        for attention, feed_forward in self.networks.predictor.transformer.layers:
            q, k, v = (
                part.unflatten(-1, (attention.heads, -1)).transpose(1, 2)
                for part in attention.to_qkv(attention.norm(x)).chunk(3, dim=-1)
            )
            scores = torch.matmul(q, k.mT) * q.shape[-1] ** -0.5
            weights = scores.masked_fill(mask == 0, float("-inf")).softmax(dim=-1)
            attended = torch.matmul(weights, v).transpose(1, 2).flatten(2)
            x = attention.to_out(attended) + x
            x = feed_forward.net(x) + x
        return self.networks.predictor.transformer.norm(x).view_as(z)

    def rollout(self, images: Tensor, proprio: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Embed the last frame after actions (b, H, A) from images (b, 3, 224, 224)."""
        visual, state = self.encode(images, proprio)
        tiled = state[:, None].expand(-1, visual.shape[1], -1)
        room = visual.new_zeros(*visual.shape[:2], self.sizes.action_width)
        z = torch.cat([visual, tiled, room], dim=-1)[:, None]
        for step in range(actions.shape[1]):
            z = self.write(z, actions[:, step])
            z = torch.cat([z, self.predict(z[:, -self.num_hist :])[:, -1:]], dim=1)
        width, last = self.sizes.encoder.width, z[:, -1]
        return last[..., :width], last[:, 0, width : width + self.sizes.proprio_emb_dim]

    def losses(self, observation: tuple[Tensor, Tensor], goal: Tensor, actions: Tensor) -> Tensor:
        """Return losses (S,) of candidates (S, H, A); the image is repeated for each."""
        count = len(actions)
        image, proprio = (t.repeat(count, *[1] * (t.ndim - 1)) for t in observation)
        with torch.no_grad():
            visual, state = self.rollout(image, proprio, actions)
        goal_visual, goal_state = (part.repeat(count, *[1] * (part.ndim - 1)) for part in goal)
        return (visual - goal_visual).square().mean(dim=(1, 2)) + (
            (state - goal_state).square().mean(dim=1)
        )

    def plan(
        self,
        observation: tuple[Tensor, Tensor],
        goal: tuple[Tensor, Tensor],
        *,
        samples: int,
        iterations: int,
        elites: int,
        horizon: int,
        seed: int,
    ) -> Tensor:
        """Return the last mean (H, A); observation and goal are (1, 3, 224, 224) and (1, P)."""
        self.trace = []
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            target = self.encode(*goal)
        mu = torch.zeros(horizon, self.action_dim, device=self.device)
        sigma = torch.ones(horizon, self.action_dim, device=self.device)
        for _ in range(iterations):
            draws = torch.randn(samples, horizon, self.action_dim, generator=generator)
            actions = draws.to(self.device) * sigma + mu
            actions[0] = mu
            losses = self.losses(observation, target, actions)
            self.trace.append((actions, losses))
            best = actions[torch.argsort(losses)[:elites]]
            mu, sigma = best.mean(dim=0), best.std(dim=0)
        return mu
