"""The encoder computes what the official DINOv2 code computes."""

from __future__ import annotations

import pytest
import restated_dino_wm as restated
import torch

from wm_planner.models.dino_wm.architecture import EncoderArchitecture
from wm_planner.models.dino_wm.encoder import Encoder


def make(**changes) -> Encoder:
    settings = {"width": 24, "depth": 2, "heads": 3, "grid": 5, "input_size": 42, **changes}
    encoder = Encoder(EncoderArchitecture("toy", "x_norm_patchtokens", **settings)).eval()
    generator = torch.Generator().manual_seed(3)
    encoder.load_state_dict(
        {
            k: 0.3 * torch.randn(v.shape, generator=generator)
            for k, v in encoder.state_dict().items()
        }
    )
    return encoder


def images(encoder: Encoder) -> torch.Tensor:
    size = encoder.architecture.input_size
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(4))


def test_tokens_are_those_of_the_official_code(model, reference) -> None:
    with torch.inference_mode():
        tokens = model.networks.encoder(reference["encoder_input_196"].to(model.device))
    torch.testing.assert_close(tokens.cpu(), reference["z_obs_visual"][:, 0], rtol=0, atol=1e-5)


@pytest.mark.parametrize("registers", [0, 4])
@pytest.mark.parametrize("mlp", ["mlp", "swiglu"])
def test_every_kind_equals_the_restatement(registers: int, mlp: str) -> None:
    encoder = make(registers=registers, mlp=mlp)
    with torch.inference_mode():
        tokens = encoder(images(encoder))
        expected = restated.encoder(encoder.state_dict(), encoder.architecture, images(encoder))
    torch.testing.assert_close(tokens, expected[:, 1 + registers :], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("registers", [0, 4])
def test_class_token_is_the_first_normalized_token(registers: int) -> None:
    encoder = make(registers=registers)
    sizes = EncoderArchitecture(
        "toy", "x_norm_clstoken", 24, 2, 3, registers, grid=5, input_size=42
    )
    of_class = Encoder(sizes)
    of_class.load_state_dict(encoder.state_dict())
    with torch.inference_mode():
        token = of_class(images(encoder))
        expected = restated.encoder(encoder.state_dict(), sizes, images(encoder))
    assert token.shape == (2, 1, 24)
    torch.testing.assert_close(token, expected[:, :1], rtol=1e-4, atol=1e-5)


def test_positions_of_models_with_registers_are_interpolated_by_another_rule() -> None:
    plain, registered = make(), make(registers=4)
    registered.load_state_dict({**registered.state_dict(), "pos_embed": plain.pos_embed.detach()})
    assert plain.positions.shape == registered.positions.shape == (1, 10, 24)
    torch.testing.assert_close(plain.positions[:, 0], registered.positions[:, 0])
    assert (plain.positions - registered.positions)[:, 1:].abs().max() > 1e-2


def test_positions_of_the_pretrained_size_are_unchanged() -> None:
    encoder = make(input_size=70)
    torch.testing.assert_close(encoder.positions, encoder.pos_embed, rtol=0, atol=0)


def test_parameter_names_are_the_official_ones() -> None:
    names = set(make(registers=4, mlp="swiglu", depth=1).state_dict())
    assert names == {
        "cls_token", "pos_embed", "mask_token", "register_tokens",
        "patch_embed.proj.weight", "patch_embed.proj.bias", "norm.weight", "norm.bias",
        *(f"blocks.0.{part}.{kind}" for part in
          ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.w12", "mlp.w3")
          for kind in ("weight", "bias")),
        "blocks.0.ls1.gamma", "blocks.0.ls2.gamma",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("width", "depth", "heads", "mlp", "parameters"),
    [
        (384, 12, 6, "mlp", 22_056_576),
        (768, 12, 12, "mlp", 86_580_480),
        (1024, 24, 16, "mlp", 304_368_640),
        (1536, 40, 24, "swiglu", 1_136_480_768),
    ],
    ids=["S", "B", "L", "g"],
)
def test_published_sizes_have_the_published_number_of_parameters(
    width: int, depth: int, heads: int, mlp: str, parameters: int
) -> None:
    with torch.device("meta"):
        encoder = Encoder(
            EncoderArchitecture("dinov2", "x_norm_patchtokens", width, depth, heads, mlp=mlp)
        )
    assert sum(p.numel() for p in encoder.parameters()) == parameters
