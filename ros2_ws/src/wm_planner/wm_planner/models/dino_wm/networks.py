"""The networks of one DINO-WM model."""

from __future__ import annotations

from torch import nn

from wm_planner.models.dino_wm.architecture import Architecture
from wm_planner.models.dino_wm.decoder import Decoder
from wm_planner.models.dino_wm.embedding import Embedding
from wm_planner.models.dino_wm.encoder import Encoder
from wm_planner.models.dino_wm.predictor import Predictor
from wm_planner.models.spec import ModelSpec, SpecError


class Networks(nn.Module):
    """All networks of a model; ``state_dict`` has the names of ``weights.safetensors``.

    If the dataset has no proprio (upstream's ``deformable_env_dset.py``), the spec names none and
    the model takes a single zero instead.

    Args:
        spec: The content of ``model.yaml``.

    Raises:
        SpecError: The architecture is incomplete or contradicts itself or the spec.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.architecture = Architecture.from_dict(spec.architecture)
        architecture = self.architecture
        if architecture.predictor.frames != spec.num_hist:
            raise SpecError(
                f"architecture.predictor.frames is {architecture.predictor.frames}, "
                f"but num_hist is {spec.num_hist}"
            )
        if len(spec.views) != 1:
            raise SpecError(f"the dino_wm family takes one view, not {spec.views}")
        self.encoder = Encoder(architecture.encoder)
        self.predictor = Predictor(architecture.predictor)
        self.action_encoder = Embedding(spec.model_action_dim, architecture.action_emb_dim)
        self.proprio_encoder = Embedding(len(spec.proprio.names) or 1, architecture.proprio_emb_dim)
        self.decoder = None if architecture.decoder is None else Decoder(architecture.decoder)
