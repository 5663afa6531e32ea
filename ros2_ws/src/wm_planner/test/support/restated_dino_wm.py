"""DINO-WM's computation, restated slowly and literally from a model's state dict.

What upstream computes (``models/visual_world_model.py``, ``models/vit.py``, ``models/proprio.py``
of gaoyuezhou/dino_wm; ``vision_transformer.py`` of facebookresearch/dinov2), with full attention
matrices, an explicit mask and no cache, independent of the modules under test.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from wm_planner.models.dino_wm.architecture import Architecture, EncoderArchitecture


def part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors of one submodule, without its prefix."""
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}


def linear(x: Tensor, state: dict[str, Tensor], name: str) -> Tensor:
    return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", torch.zeros(()))


def norm(x: Tensor, state: dict[str, Tensor], name: str, eps: float) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    variance = (x - mean).square().mean(-1, keepdim=True)
    scaled = (x - mean) / (variance + eps).sqrt()
    return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / 2**0.5))


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """q, k, v (N, T, heads * dim), each head's features side by side."""
    out = []
    for a, b, c in zip(q.chunk(heads, -1), k.chunk(heads, -1), v.chunk(heads, -1), strict=True):
        scores = a @ b.mT * a.shape[-1] ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf"))
        out.append(scores.softmax(-1) @ c)
    return torch.cat(out, -1)


def encoder(state: dict[str, Tensor], sizes: EncoderArchitecture, images: Tensor) -> Tensor:
    """DINOv2's normalized tokens (N, 1 + registers + patches, width)."""
    side, n = sizes.input_size // sizes.patch, len(images)
    patches = images.unfold(2, sizes.patch, sizes.patch).unfold(3, sizes.patch, sizes.patch)
    patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(n, side * side, -1)
    kernel = state["patch_embed.proj.weight"].flatten(1)
    x = patches @ kernel.T + state["patch_embed.proj.bias"]
    grid = state["pos_embed"][:, 1:].reshape(1, sizes.grid, sizes.grid, -1).permute(0, 3, 1, 2)
    if sizes.registers:
        grid = functional.interpolate(grid, size=(side, side), mode="bicubic", antialias=True)
    elif side != sizes.grid:
        scale = (side + 0.1) / sizes.grid
        grid = functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
    x = x + grid.permute(0, 2, 3, 1).reshape(1, side * side, -1)
    start = (state["cls_token"] + state["pos_embed"][:, :1]).expand(n, -1, -1)
    if sizes.registers:
        start = torch.cat([start, state["register_tokens"].expand(n, -1, -1)], 1)
    x = torch.cat([start, x], 1)
    for index in range(sizes.depth):
        block = part(state, f"blocks.{index}.")
        q, k, v = linear(norm(x, block, "norm1", 1e-6), block, "attn.qkv").chunk(3, -1)
        x = x + linear(attention(q, k, v, sizes.heads), block, "attn.proj") * block["ls1.gamma"]
        y = norm(x, block, "norm2", 1e-6)
        if sizes.mlp == "swiglu":
            gate, value = linear(y, block, "mlp.w12").chunk(2, -1)
            y = linear(gate * gate.sigmoid() * value, block, "mlp.w3")
        else:
            y = linear(gelu(linear(y, block, "mlp.fc1")), block, "mlp.fc2")
        x = x + y * block["ls2.gamma"]
    return norm(x, state, "norm", 1e-6)


def predict(state: dict[str, Tensor], sizes: Architecture, z: Tensor) -> Tensor:
    """(N, T, tokens, width) to the frames after them."""
    p, frames = sizes.predictor, z.shape[1]
    x = z.flatten(1, 2)
    x = x + state["pos_embedding"][:, : x.shape[1]]
    frame = torch.arange(x.shape[1]) // p.tokens
    mask = frame[:, None] >= frame[None, :]
    for index in range(p.depth):
        attend, forward = (part(state, f"transformer.layers.{index}.{i}.") for i in (0, 1))
        q, k, v = linear(norm(x, attend, "norm", 1e-5), attend, "to_qkv").chunk(3, -1)
        attended = attention(q, k, v, p.heads, mask)
        x = x + (linear(attended, attend, "to_out.0") if "to_out.0.weight" in attend else attended)
        hidden = gelu(linear(norm(x, forward, "net.0", 1e-5), forward, "net.1"))
        x = x + linear(hidden, forward, "net.4")
    return norm(x, state, "transformer.norm", 1e-5).unflatten(1, (frames, p.tokens))


def embed(state: dict[str, Tensor], vectors: Tensor) -> Tensor:
    convolved = functional.conv1d(
        vectors.mT, state["patch_embed.weight"], state["patch_embed.bias"]
    )
    return convolved.mT


def replace_action(
    state: dict[str, Tensor], sizes: Architecture, z: Tensor, action: Tensor
) -> Tensor:
    """Frames (N, T, tokens, width) with the actions (N, T, A) written over theirs."""
    z, embedded = z.clone(), embed(part(state, "action_encoder."), action)
    for token in range(z.shape[2]):
        if sizes.concat_dim == 0 and token == z.shape[2] - 1:
            z[:, :, token] = embedded
        if sizes.concat_dim == 1:
            z[:, :, token, -sizes.action_width :] = torch.cat(
                [embedded] * sizes.num_action_repeat, -1
            )
    return z


def rollout(
    state: dict[str, Tensor],
    sizes: Architecture,
    num_hist: int,
    visual: Tensor,
    proprio: Tensor,
    actions: Tensor,
) -> tuple[Tensor, Tensor]:
    """Upstream's rollout from n frames: ``actions`` (N, n + H - 1, A), the first n are theirs.

    Args:
        state: All tensors of the model.
        sizes: Its architecture.
        num_hist: Frames that the predictor is shown.
        visual: (N, n, image tokens, width).
        proprio: (N, n, proprio_emb_dim).
        actions: One action per observed frame, then the others.

    Returns:
        Image tokens and proprio of n + H frames.
    """
    observed = visual.shape[1]
    if sizes.concat_dim == 0:
        z = torch.cat([visual, proprio[:, :, None], torch.zeros_like(proprio)[:, :, None]], 2)
    else:
        parts = [visual]
        parts += [
            proprio[:, :, None].expand(-1, -1, visual.shape[2], -1)
        ] * sizes.num_proprio_repeat
        parts += [visual.new_zeros(*visual.shape[:3], sizes.action_width)]
        z = torch.cat(parts, -1)
    z = replace_action(state, sizes, z, actions[:, :observed])
    predictor = part(state, "predictor.")
    for step in range(observed, actions.shape[1] + 1):
        following = predict(predictor, sizes, z[:, -num_hist:])[:, -1:]
        if step < actions.shape[1]:
            following = replace_action(state, sizes, following, actions[:, step : step + 1])
        z = torch.cat([z, following], 1)
    if sizes.concat_dim == 0:
        return z[:, :, :-2], z[:, :, -2]
    width = sizes.encoder.width
    return z[..., :width], z[:, :, 0, width : width + sizes.proprio_emb_dim]
