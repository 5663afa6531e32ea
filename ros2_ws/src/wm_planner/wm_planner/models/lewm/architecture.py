"""The sizes of a LeWM model's networks: ``architecture`` in ``model.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wm_planner.models.lewm.embedding import NORMS
from wm_planner.models.shared.sizes import build_part, build_parts, check_counts
from wm_planner.models.spec import SpecError


@dataclass(frozen=True)
class EncoderArchitecture:
    """A vision transformer whose class token stands for the image (``ViTModel`` of transformers).

    Attributes:
        width: Features per token.
        depth: Blocks.
        heads: Attention heads.
        mlp_dim: Width of the hidden layer.
        patch: Side of a patch [pixels].
        grid: Side of the position embedding [patches].
    """

    width: int
    depth: int
    heads: int
    mlp_dim: int
    patch: int
    grid: int

    def __post_init__(self) -> None:
        check_counts(self, "encoder")
        if self.width % self.heads:
            raise SpecError("architecture.encoder: width must be a multiple of heads")


@dataclass(frozen=True)
class PredictorArchitecture:
    """LeWM's predictor, whose layers the embedded actions modulate.

    Attributes:
        depth: Layers.
        heads: Attention heads.
        dim_head: Features per head.
        mlp_dim: Width of the hidden layer.
        width: Features per frame inside the predictor.
        frames: Frames of the position embedding, which the model looks back.
    """

    depth: int
    heads: int
    dim_head: int
    mlp_dim: int
    width: int
    frames: int

    def __post_init__(self) -> None:
        check_counts(self, "predictor")


@dataclass(frozen=True)
class Architecture:
    """The networks of one LeWM model.

    Attributes:
        encoder: From images to a class token.
        predictor: From frames and actions to the frame after them.
        latent: Numbers of a latent.
        projector_dim: Hidden width of the network from the class token to the latent.
        pred_proj_dim: Hidden width of the network from the predictor to the latent.
        predicted: Numbers that the predictor returns.
        action_emb_dim: Features of an embedded action.
        smoothed_dim: Features between the two parts of the action encoder.
        action_mlp_dim: Hidden width of the action encoder.
        projection_norm: Norm in both projections: ``batch``, ``layer`` or ``none``.
    """

    encoder: EncoderArchitecture
    predictor: PredictorArchitecture
    latent: int
    projector_dim: int
    pred_proj_dim: int
    predicted: int
    action_emb_dim: int
    smoothed_dim: int
    action_mlp_dim: int
    projection_norm: str = "batch"

    def __post_init__(self) -> None:
        check_counts(self, "")
        if self.projection_norm not in NORMS:
            raise SpecError(
                f"architecture.projection_norm must be one of {', '.join(NORMS)}, "
                f"not {self.projection_norm!r}"
            )

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Architecture:
        """Read and check ``spec.architecture``.

        Raises:
            SpecError: A key is missing, unknown, of another type or contradicts another.
        """
        parts = build_parts(
            content, {"encoder": EncoderArchitecture, "predictor": PredictorArchitecture}
        )
        return build_part(cls, parts, "architecture")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``from_dict`` reads."""
        return asdict(self)
