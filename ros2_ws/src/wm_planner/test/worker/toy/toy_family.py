"""A world model without weights; the architecture in its ``model.yaml`` chooses its faults.

``fault`` is what its rollouts do, except with the warm-up's gray image: ``raise``, ``memory``,
``torch_memory``, ``exit`` or ``hang``; with ``decode`` the decoder fails. ``mark`` names a file
that is created when a rollout hangs. If the file ``die_at_start`` exists, the process ends while
the model is loaded. ``no_ros`` refuses a process that has imported ROS. With ``needs_light``
actions change nothing in a black image. Any precision may be asked for; it computes in float32.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import torch

from wm_planner.models.protocol import Latent


class Toy:
    """The state is the mean color of the image, and an action is added to it."""

    def __init__(self, spec, weights, device, precision="float32"):
        self.spec, self.device = spec, device
        self._settings = spec.architecture
        if (file := self._settings.get("die_at_start")) and Path(file).exists():
            os._exit(3)
        if self._settings.get("no_ros") and "rclpy" in sys.modules:
            raise ImportError("this process has imported ROS")

    def encode(self, observation):
        self._armed = bool((observation.images != 127).any())
        images = torch.stack([observation.images, *observation.views])  # (V, B, T, H, W, 3)
        state = images[:, :, -1].float().mean(dim=(2, 3)).sum(dim=0) / 255
        proprio = observation.proprio
        return Latent(state[:, None, None], None if proprio is None else proprio[:, -1:])

    def rollout(self, latent, actions):
        self._fail()
        state = latent.visual[:, None, -1:, 0]
        lit = state.sum(dim=-1, keepdim=True) > 0 if self._settings.get("needs_light") else 1.0
        moved = state + lit * actions.float().cumsum(dim=2)
        return Latent(moved[:, :, :, None])

    def distance(self, latent, goal, objective=None):
        frames = latent.visual if latent.visual.ndim == 5 else latent.visual[:, None]
        return (frames[:, :, -1] - goal.visual[:, None, -1]).square().mean(dim=(-2, -1))

    def decode(self, latent):
        if self._settings.get("fault") == "decode":
            raise RuntimeError("this model cannot draw")
        colors = (255 * latent.visual[..., 0, :]).clamp(0, 255).to(torch.uint8)
        size = self.spec.image.size
        return colors[..., None, None, :].expand(*colors.shape[:-1], size, size, 3)

    def _fail(self):
        fault = self._settings.get("fault", "") if self._armed else ""
        if fault == "raise":
            raise KeyError("the model's own fault")
        if fault == "memory":
            bytearray(2**62)
        if fault == "torch_memory":
            torch.empty(2**58)
        if fault == "exit":
            os._exit(7)
        if fault == "hang":
            if mark := self._settings.get("mark"):
                Path(mark).touch()
            time.sleep(3600)
