"""The model of ``faults.py``: the embedded one, and a hand that also turns, opens and closes.

The embedded model sees where the hand is. Orientation and width, which it does not know, come from
the proprio, and every action changes them as it says.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from wm_planner.models import load_spec
from wm_planner.models.latent import LatentWorldModel
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import (
    ActionSpec,
    CommandMapping,
    GripperMapping,
    ModelSpec,
    Moments,
    ProprioGripper,
    ProprioRotation,
    ProprioSpec,
    RotationMapping,
)
from wm_planner.planning import Objective
from wm_planner_sim.client.processes import embedded_model

TURNS, GRIP, QUATERNION, WIDTH = ["rx", "ry", "rz"], "grip", ["qx", "qy", "qz", "qw"], "width"
CLOSED, OPEN = 0.0, 0.08  # [m]
TURN_STD, WIDTH_STD = 0.05, 0.01  # [rad], [m] of one action
SCALES = [0.3, 0.3, 0.3, 0.03]  # [rad], [m] that count as much as 0.1 m
SHARE = 0.1  # of the distance
WORKSPACE = [[0.40, -0.20, 0.20], [0.56, 0.20, 0.40]]
"""Box without singularities for the tilt and twist of ``PARAMETERS`` [m]; see workspace.py."""


class HandModel:
    """Positions from the embedded model, orientation and width from the proprio.

    The orientation is the rotation vector from a hand that points down, for small turns.
    """

    def __init__(self, spec: ModelSpec, weights: Path | None, device: torch.device) -> None:
        self.spec, self.device = spec, device
        self._base = LatentWorldModel(load_spec(embedded_model()), weights, device)
        action = spec.statistics.action
        self._mean = torch.tensor(action.mean[3:], device=device)
        self._std = torch.tensor(action.std[3:], device=device)
        self._scales = torch.tensor(SCALES, device=device)

    def encode(self, observation: ObservationBatch) -> Latent:
        """Encode images, and the orientation and width of the newest proprio."""
        assert observation.proprio is not None
        qx, qy, qz, qw, width = observation.proprio[:, -1].to(self.device).unbind(dim=-1)
        turn = 2 * qx.sign()[:, None] * torch.stack([-qw, -qz, qy], dim=-1)
        known = torch.cat([turn, width[:, None]], dim=-1)
        visual = self._base.encode(ObservationBatch(observation.images)).visual
        return Latent(visual, proprio=known[:, None])

    def rollout(self, latent: Latent, actions: Tensor) -> Latent:
        """Predict positions as the embedded model does; turns and widths add up."""
        assert latent.proprio is not None
        moves = (actions[..., 3:].float() * self._std + self._mean).cumsum(dim=2)
        begin = latent.proprio[:, None, -1:].expand(-1, actions.shape[1], -1, -1)
        known = torch.cat([begin, begin + moves], dim=2)
        return Latent(self._base.rollout(latent, actions[..., :3]).visual, proprio=known)

    def distance(self, latent: Latent, goal: Latent, objective: Objective = Objective()) -> Tensor:
        """Add the differences of orientation and width to the distance of the embedded model."""
        assert latent.proprio is not None
        assert goal.proprio is not None
        frames = latent.proprio if latent.proprio.ndim == 4 else latent.proprio[:, None]
        apart = (frames - goal.proprio[:, None, -1:]) / self._scales
        moved = self._base.distance(Latent(latent.visual), Latent(goal.visual), objective)
        return moved + SHARE * objective(apart.square().mean(dim=-1))

    def decode(self, latent: Latent) -> Tensor | None:
        """Decode the positions."""
        return self._base.decode(latent)


def write_model(folder: Path) -> Path:
    """Install the family into a folder, for ``PYTHONPATH``, and return its model directory."""
    shutil.copy(__file__, folder)
    name = Path(__file__).stem
    installed = folder / f"{name}-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    entry = f"[wm_planner.models]\n{name} = {name}:{HandModel.__name__}\n"
    (installed / "entry_points.txt").write_text(entry)
    shutil.copytree(embedded_model(), folder / "model")
    spec = load_spec(embedded_model())
    command = CommandMapping(
        "relative",
        spec.action.names,
        rotation=RotationMapping(TURNS, "rotation_vector"),
        gripper=GripperMapping(GRIP, "width", "relative", closed=CLOSED, open=OPEN),
    )
    spec.name = spec.family = name
    spec.action = ActionSpec(
        [*spec.action.names, *TURNS, GRIP],
        ["m"] * 3 + ["rad"] * 3 + ["m"],
        spec.action.frame,
        lower=[*spec.action.lower, -0.1, -0.1, -0.1, -0.02],
        upper=[*spec.action.upper, 0.1, 0.1, 0.1, 0.02],
        command=command,
    )
    spec.proprio = ProprioSpec(
        [*QUATERNION, WIDTH],
        ["1"] * 4 + ["m"],
        rotation=ProprioRotation(QUATERNION, "quaternion_xyzw"),
        gripper=ProprioGripper(WIDTH, "width", closed=CLOSED, open=OPEN),
    )
    action = spec.statistics.action
    spec.statistics.action = Moments(
        [*action.mean, 0.0, 0.0, 0.0, 0.0], [*action.std, *[TURN_STD] * 3, WIDTH_STD]
    )
    spec.statistics.proprio = Moments([1.0, 0.0, 0.0, 0.0, 0.04], [0.1] * 4 + [0.02])
    spec.save(folder / "model")
    return folder / "model"


def make_model() -> Path:
    """Make the model in a folder of its own, for the processes that this one starts."""
    folder = Path(tempfile.mkdtemp())
    model = write_model(folder)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    return model


PARAMETERS = (
    "proprio.source:=pose",
    "gripper.type:=joint_state",
    "gripper.topic:=joint_command",
    "gripper.joints:=[panda_finger_joint1, panda_finger_joint2]",
    "gripper.scale:=0.5",
    "limits.orientation:=[1.0, 0.0, 0.0, 0.0]",
    f"limits.workspace_min:={WORKSPACE[0]}",
    f"limits.workspace_max:={WORKSPACE[1]}",
    "limits.max_tilt:=0.3",
    "limits.max_twist:=0.5",
)
"""Parameters of the planner for this model."""
