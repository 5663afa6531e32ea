"""The networks of one LeWM model."""

from __future__ import annotations

from torch import nn

from wm_planner.models.lewm.architecture import Architecture
from wm_planner.models.lewm.embedding import ActionEncoder, Projection
from wm_planner.models.lewm.encoder import Encoder
from wm_planner.models.lewm.predictor import Predictor
from wm_planner.models.spec import ModelSpec, SpecError


class Networks(nn.Module):
    """All networks of a model; ``state_dict`` has the names of ``weights.safetensors``.

    Args:
        spec: The content of ``model.yaml``.

    Raises:
        SpecError: The architecture is incomplete or contradicts itself or the spec.
    """

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.architecture = Architecture.from_dict(spec.architecture)
        sizes = self.architecture
        for name, given, expected in (
            ("predictor.frames", sizes.predictor.frames, spec.num_hist),
            ("encoder.patch times encoder.grid", sizes.encoder.patch * sizes.encoder.grid,
             spec.image.size),
        ):  # fmt: skip
            if given != expected:
                raise SpecError(f"architecture.{name} is {given}, but model.yaml says {expected}")
        if len(spec.views) != 1 or spec.proprio.names:
            raise SpecError("the lewm family takes one view and no proprio: leave out the others")
        self.encoder = Encoder(sizes.encoder)
        self.projector = Projection(
            sizes.encoder.width, sizes.projector_dim, sizes.latent, sizes.projection_norm
        )
        self.action_encoder = ActionEncoder(
            spec.model_action_dim, sizes.smoothed_dim, sizes.action_mlp_dim, sizes.action_emb_dim
        )
        self.predictor = Predictor(
            sizes.predictor, sizes.latent, sizes.action_emb_dim, sizes.predicted
        )
        self.pred_proj = Projection(
            sizes.predicted, sizes.pred_proj_dim, sizes.latent, sizes.projection_norm
        )
