"""The sizes of a DINO-WM model's networks: ``architecture`` in ``model.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wm_planner.models.shared.sizes import build_part, build_parts, check_counts
from wm_planner.models.spec import SpecError

FEATURE_KEYS = ("x_norm_patchtokens", "x_norm_clstoken")
"""Features that DINO-WM takes from DINOv2 (upstream ``models/dino.py``)."""


@dataclass(frozen=True)
class EncoderArchitecture:
    """A DINOv2 vision transformer, frozen.

    Attributes:
        name: Its name in the DINOv2 hub, e.g. ``dinov2_vits14``.
        feature_key: One of ``FEATURE_KEYS``: the patch tokens or the class token.
        width: Features per token.
        depth: Blocks.
        heads: Attention heads.
        registers: Register tokens (Darcet et al., "Vision Transformers Need Registers", 2023).
        mlp: ``mlp``, or ``swiglu`` as in ViT-g.
        patch: Side of a patch [pixels].
        grid: Side of the pretrained position embedding [patches].
        input_size: Side of its input image [pixels].
        sha256: Digest of its weight file; empty: unknown.
    """

    name: str
    feature_key: str
    width: int
    depth: int
    heads: int
    registers: int = 0
    mlp: str = "mlp"
    patch: int = 14
    grid: int = 37
    input_size: int = 196
    sha256: str = ""

    def __post_init__(self) -> None:
        check_counts(self, "encoder", zero_allowed=("registers",))
        if self.feature_key not in FEATURE_KEYS:
            raise SpecError(
                f"architecture.encoder.feature_key must be one of {', '.join(FEATURE_KEYS)}, "
                f"not {self.feature_key!r}"
            )
        if self.mlp not in ("mlp", "swiglu"):
            raise SpecError(f"architecture.encoder.mlp must be mlp or swiglu, not {self.mlp!r}")
        if self.width % self.heads or self.input_size % self.patch:
            raise SpecError(
                "architecture.encoder: width must be a multiple of heads, input_size of patch"
            )

    @property
    def tokens(self) -> int:
        """Tokens of one image: its patches, or 1 for the class token."""
        rows, columns = self.token_grid or (1, 1)
        return rows * columns

    @property
    def token_grid(self) -> tuple[int, int] | None:
        """Rows and columns of patches that the tokens are of; None for the class token."""
        side = self.input_size // self.patch
        return None if self.feature_key == "x_norm_clstoken" else (side, side)


@dataclass(frozen=True)
class PredictorArchitecture:
    """DINO-WM's predictor, a vision transformer over the tokens of several frames.

    Attributes:
        depth: Layers.
        heads: Attention heads.
        dim_head: Features per head.
        mlp_dim: Width of the hidden layer.
        width: Features per token, those of proprio and action included.
        tokens: Tokens per frame.
        frames: Frames of the position embedding (``num_hist``).
    """

    depth: int
    heads: int
    dim_head: int
    mlp_dim: int
    width: int
    tokens: int
    frames: int

    def __post_init__(self) -> None:
        check_counts(self, "predictor")


@dataclass(frozen=True)
class DecoderArchitecture:
    """DINO-WM's VQ-VAE decoder, from patch tokens to an image.

    Attributes:
        emb_dim: Features per token.
        channel: Channels of its convolutions.
        n_embed: Entries of the codebook.
        n_res_block: Residual blocks in each of its two halves.
        n_res_channel: Channels inside a residual block.
        quantize: Whether tokens are first replaced by the nearest entry of the codebook.
    """

    emb_dim: int
    channel: int
    n_embed: int
    n_res_block: int
    n_res_channel: int
    quantize: bool

    def __post_init__(self) -> None:
        check_counts(self, "decoder", zero_allowed=("n_res_block",))
        if not isinstance(self.quantize, bool):
            raise SpecError("architecture.decoder.quantize must be true or false")


@dataclass(frozen=True)
class Architecture:
    """The networks of one DINO-WM model and how their embeddings are combined.

    Attributes:
        encoder: From images to tokens.
        predictor: From frames to the frames after them.
        decoder: From tokens to images, or None.
        concat_dim: 1: proprio and action are appended to the features of every token; 0: they are
            two tokens of their own, after those of the image.
        action_emb_dim: Features of an embedded action.
        num_action_repeat: How often it is repeated (with ``concat_dim`` 1).
        proprio_emb_dim: Features of an embedded proprio.
        num_proprio_repeat: How often it is repeated (with ``concat_dim`` 1).
    """

    encoder: EncoderArchitecture
    predictor: PredictorArchitecture
    decoder: DecoderArchitecture | None
    concat_dim: int
    action_emb_dim: int
    num_action_repeat: int
    proprio_emb_dim: int
    num_proprio_repeat: int

    def __post_init__(self) -> None:
        if self.concat_dim not in (0, 1):
            raise SpecError(f"architecture.concat_dim must be 0 or 1, not {self.concat_dim!r}")
        check_counts(self, "", zero_allowed=("concat_dim",))
        tokens, width = self.encoder.tokens, self.encoder.width
        if self.concat_dim == 0:
            tokens += 2
            for name in ("action_emb_dim", "proprio_emb_dim"):
                if getattr(self, name) != width:
                    raise SpecError(
                        f"architecture.{name} is {getattr(self, name)}, but with concat_dim 0 it "
                        f"must be the encoder's width, {width}"
                    )
        else:
            width += self.proprio_width + self.action_width
        for name, expected in (("tokens", tokens), ("width", width)):
            if (given := getattr(self.predictor, name)) != expected:
                raise SpecError(
                    f"architecture.predictor.{name} is {given}, but encoder, proprio and action "
                    f"give {expected}"
                )
        if self.decoder is not None and self.decoder.emb_dim != self.encoder.width:
            raise SpecError(
                f"architecture.decoder.emb_dim is {self.decoder.emb_dim}, but the encoder's width "
                f"is {self.encoder.width}"
            )

    @property
    def action_width(self) -> int:
        """Features that the action takes up in a token, repeats included."""
        return self.action_emb_dim * self.num_action_repeat

    @property
    def proprio_width(self) -> int:
        """Features that proprio takes up in a token, repeats included."""
        return self.proprio_emb_dim * self.num_proprio_repeat

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Architecture:
        """Read and check ``spec.architecture``.

        Raises:
            SpecError: A key is missing, unknown, of another type or contradicts another.
        """
        kinds = {
            "encoder": EncoderArchitecture,
            "predictor": PredictorArchitecture,
            "decoder": DecoderArchitecture,
        }
        return build_part(cls, build_parts(content, kinds, optional=("decoder",)), "architecture")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``from_dict`` reads."""
        return asdict(self)
