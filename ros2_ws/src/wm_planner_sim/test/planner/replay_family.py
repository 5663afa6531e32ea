"""A model family that replays a recorded way instead of planning.

Its ``model.yaml`` holds the way in ``architecture.way``: poses (x, y, z, qx, qy, qz, qw), each with
the closedness of the gripper. The family sees the measured pose as proprio, and answers every plan
with the actions that lead to the next pose of the way.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from wm_planner.models.protocol import Latent

NEAR, ALIGNED = 0.0015, np.deg2rad(0.7)  # [m], [rad] at which a pose of the way is passed
RESTS = 5  # plans for which the arm rests there, so that the gripper has time
STRIDE, TURN = 0.02, 0.15  # [m], [rad] of one action


class Replay:
    """Costs are those of a toy; only the answers matter."""

    def __init__(self, spec, weights, device):
        self.spec, self.device = spec, device
        self._way = np.array(spec.architecture["way"])
        self._at, self._rested = 0, 0
        spec.denormalize_actions = self._next  # what the engine answers with

    def encode(self, observation):
        if observation.proprio is not None:
            self._measured = observation.proprio[0, -1].double().cpu().numpy()
        colors = observation.images[:, -1].float().mean(dim=(1, 2)) / 255
        return Latent(colors[:, None, None])

    def rollout(self, latent, actions):
        moved = latent.visual[:, None, -1:, 0] + actions[..., :3].float().cumsum(dim=2)
        return Latent(moved[:, :, :, None])

    def distance(self, latent, goal, objective=None):
        frames = latent.visual if latent.visual.ndim == 5 else latent.visual[:, None]
        return (frames[:, :, -1] - goal.visual[:, None, -1]).square().mean(dim=(-2, -1))

    def decode(self, latent):
        return None

    def _next(self, actions):
        """Return the actions (horizon, 7) from the measured pose along the way."""
        way = self._way[self._at]
        if not self._measured.any():  # the worker warms up
            return np.zeros((len(actions), self.spec.action.dim))
        place, turn = self._left(way)
        if np.linalg.norm(place) < NEAR and np.linalg.norm(turn) < ALIGNED:
            self._rested += 1
        if self._rested > RESTS and self._at + 1 < len(self._way):
            self._at, self._rested = self._at + 1, 0
            way = self._way[self._at]
            place, turn = self._left(way)
        rows = []
        steps = max(np.linalg.norm(place) / STRIDE, np.linalg.norm(turn) / TURN, 1.0)
        for k in range(len(actions)):
            share = min(max(steps - k, 0.0), 1.0) / steps
            rotation = Rotation.from_rotvec(share * turn)
            if self.spec.action.command.rotation.frame == "tool":
                hand = Rotation.from_quat(self._measured[3:7])
                rotation = hand.inv() * rotation * hand
            form = self.spec.action.command.rotation.form
            rows.append([*(share * place), *form.write(rotation), way[7]])
        return np.array(rows)

    def _left(self, way):
        turn = Rotation.from_quat(way[3:7]) * Rotation.from_quat(self._measured[3:7]).inv()
        return way[:3] - self._measured[:3], turn.as_rotvec()
