"""The decoder computes what upstream's VQ-VAE computes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.dino_wm.architecture import DecoderArchitecture
from wm_planner.models.dino_wm.decoder import Decoder


def restated(state: dict[str, Tensor], tokens: Tensor, *, quantize: bool) -> Tensor:
    """Upstream's decoder with one residual block a half, layer by layer."""
    if quantize:
        entries = state["quantize_b.embed"].T
        tokens = entries[torch.cdist(tokens, entries).argmin(-1)]
    side = int(tokens.shape[1] ** 0.5)
    x = tokens.reshape(-1, side, side, tokens.shape[-1]).permute(0, 3, 1, 2)
    for half in ("upsample_b", "dec"):

        def tensors(name: str, half: str = half) -> tuple[Tensor, Tensor]:
            return tuple(state[f"{half}.blocks.{name}.{kind}"] for kind in ("weight", "bias"))

        x = functional.conv2d(x, *tensors("0"), padding=1)
        inner = functional.conv2d(x.relu(), *tensors("1.conv.1"), padding=1)
        x = x + functional.conv2d(inner.relu(), *tensors("1.conv.3"))
        x = functional.conv_transpose2d(x.relu(), *tensors("3"), stride=2, padding=1)
        x = functional.conv_transpose2d(x.relu(), *tensors("5"), stride=2, padding=1)
    return x


def check(decoder: Decoder, tokens: Tensor) -> None:
    with torch.inference_mode():
        images = decoder(tokens)
        expected = restated(decoder.state_dict(), tokens, quantize=decoder.architecture.quantize)
    torch.testing.assert_close(images, expected, rtol=1e-5, atol=1e-5)


def test_checkpoints_decoder_equals_the_restatement(model, reference) -> None:
    decoder, tokens = model.networks.decoder, reference["z_obs_visual"][:, 0].to(model.device)
    check(decoder, tokens)
    assert decoder(tokens).shape == (1, 3, 224, 224)


def test_quantized_tokens_are_entries_of_the_codebook() -> None:
    decoder = Decoder(DecoderArchitecture(6, 8, 5, 1, 4, quantize=True))
    generator = torch.Generator().manual_seed(1)
    decoder.load_state_dict(
        {k: torch.randn(v.shape, generator=generator) for k, v in decoder.state_dict().items()}
    )
    tokens = torch.randn(3, 9, 6, generator=generator)
    check(decoder, tokens)
    chosen = decoder.quantize_b(tokens)
    assert (chosen.unsqueeze(-1) == decoder.quantize_b.embed).all(-2).any(-1).all()
