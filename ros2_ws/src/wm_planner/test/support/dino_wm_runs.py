"""Write training runs as upstream does: whole modules, pickled under upstream's class names.

The classes here have the parameters of gaoyuezhou/dino_wm (0a9492f) and none of its computation.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import yaml
from torch import nn


class Attention(nn.Module):
    def __init__(self, dim: int, heads: int, dim_head: int, frames: int, tokens: int) -> None:
        super().__init__()
        inner = heads * dim_head
        self.heads, self.scale = heads, dim_head**-0.5
        self.norm = nn.LayerNorm(dim)
        self.to_qkv = nn.Linear(dim, 3 * inner, bias=False)
        out = nn.Sequential(nn.Linear(inner, dim), nn.Dropout(0.1))
        self.to_out = nn.Identity() if (heads, dim_head) == (1, dim) else out
        # the mask: a tensor that is neither parameter nor buffer
        mask = torch.ones(frames, frames).tril().kron(torch.ones(tokens, tokens))
        self.bias = mask[None, None]


class FeedForward(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        layers = (nn.Linear(dim, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, dim))
        self.net = nn.Sequential(nn.LayerNorm(dim), *layers)


class Transformer(nn.Module):
    def __init__(
        self, dim: int, depth: int, hidden: int, heads: int, dim_head: int, frames: int, tokens: int
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                [Attention(dim, heads, dim_head, frames, tokens), FeedForward(dim, hidden)]
            )
            for _ in range(depth)
        )


class ViTPredictor(nn.Module):
    def __init__(self, frames: int, tokens: int, dim: int, heads: int, dim_head: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.randn(1, frames * tokens, dim))
        self.transformer = Transformer(dim, 2, 32, heads, dim_head, frames, tokens)


class ProprioceptiveEmbedding(nn.Module):
    def __init__(self, in_chans: int, emb_dim: int) -> None:
        super().__init__()
        self.in_chans, self.emb_dim = in_chans, emb_dim
        self.patch_embed = nn.Conv1d(in_chans, emb_dim, kernel_size=1)


class Quantize(nn.Module):
    def __init__(self, dim: int, n_embed: int) -> None:
        super().__init__()
        self.register_buffer("embed", torch.randn(dim, n_embed))
        self.register_buffer("cluster_size", torch.zeros(n_embed))
        self.register_buffer("embed_avg", torch.randn(dim, n_embed))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)


class ResBlock(nn.Module):
    def __init__(self, channel: int, inner: int) -> None:
        super().__init__()
        layers = (nn.ReLU(), nn.Conv2d(channel, inner, 3), nn.ReLU(), nn.Conv2d(inner, channel, 1))
        self.conv = nn.Sequential(*layers)


class Decoder(nn.Module):
    def __init__(self, dim: int, out: int) -> None:
        super().__init__()
        up = (nn.ConvTranspose2d(8, 4, 4), nn.ReLU(), nn.ConvTranspose2d(4, out, 4))
        self.blocks = nn.Sequential(nn.Conv2d(dim, 8, 3), ResBlock(8, 4), nn.ReLU(), *up)


class VQVAE(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.quantize = False
        self.quantize_b = Quantize(dim, 6)
        self.upsample_b = Decoder(dim, dim)
        self.dec = Decoder(dim, 3)


class TransposedConvDecoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Linear(2, 2)


class DinoV2Encoder(nn.Module):
    def __init__(self, base_model: nn.Module, name: str) -> None:
        super().__init__()
        self.name, self.base_model = name, base_model


class DinoVisionTransformer(nn.Module):
    """DINOv2 with 24 features, 2 blocks, 2 heads and a position embedding for 5x5 patches."""

    def __init__(self, registers: int = 0, width: int = 24) -> None:
        super().__init__()
        self.num_heads = 2
        self.cls_token = nn.Parameter(torch.randn(1, 1, width))
        self.pos_embed = nn.Parameter(torch.randn(1, 26, width))
        self.mask_token = nn.Parameter(torch.randn(1, width))
        if registers:
            self.register_tokens = nn.Parameter(torch.randn(1, registers, width))
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, width, 14, 14)
        self.blocks = nn.ModuleList(self._block(width) for _ in range(2))
        self.norm = nn.LayerNorm(width)

    @staticmethod
    def _block(width: int) -> nn.Module:
        block = nn.Module()
        block.norm1, block.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        block.attn, block.mlp = nn.Module(), nn.Module()
        block.attn.qkv, block.attn.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        block.mlp.fc1, block.mlp.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        block.ls1, block.ls2 = nn.Module(), nn.Module()
        block.ls1.gamma = nn.Parameter(torch.randn(width))
        block.ls2.gamma = nn.Parameter(torch.randn(width))
        return block


class DistributedDataParallel(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module


class Stub:
    """An object of accelerate, which takes any arguments and any state."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments


STUBS = {
    "accelerate.optimizer": ("AcceleratedOptimizer",),
    "accelerate.state": ("AcceleratorState", "GradientState"),
    "accelerate.utils.dataclasses": ("DistributedType", "DynamoBackend", "TorchDynamoPlugin"),
}
CLASSES: Mapping[str, tuple[type, ...]] = {
    "models.vit": (Attention, FeedForward, Transformer, ViTPredictor),
    "models.proprio": (ProprioceptiveEmbedding,),
    "models.vqvae": (VQVAE, Quantize, ResBlock, Decoder),
    "models.decoder.transposed_conv": (TransposedConvDecoder,),
    "models.dino": (DinoV2Encoder,),
    "dinov2.models.vision_transformer": (DinoVisionTransformer,),
    "torch.nn.parallel.distributed": (DistributedDataParallel,),
    **{
        module: tuple(type(name, (Stub,), {"__module__": module}) for name in names)
        for module, names in STUBS.items()
    },
}


@contextmanager
def importable() -> Iterator[None]:
    """Make these classes importable under upstream's names."""
    before: list[tuple[ModuleType, str, Any]] = []
    packages = {name.rsplit(".", depth)[0] for name in CLASSES for depth in range(4)}
    added = [name for name in packages if name not in sys.modules]
    sys.modules.update({name: ModuleType(name) for name in added})
    for name, kinds in CLASSES.items():
        for kind in kinds:
            module = sys.modules[name]
            before.append((module, kind.__name__, getattr(module, kind.__name__, None)))
            kind.__module__ = name
            setattr(module, kind.__name__, kind)
    try:
        yield
    finally:
        for module, kind_name, value in before:
            setattr(module, kind_name, value)
        for name in added:
            del sys.modules[name]


@dataclass
class TrainingRun:
    """The settings of one run of ``train.py``; ``write`` writes it."""

    num_hist: int = 2
    frameskip: int = 3
    action_dim: int = 2
    proprio_dim: int = 4
    concat_dim: int = 1
    repeats: tuple[int, int] = (1, 1)  # action, proprio
    feature_key: str = "x_norm_patchtokens"
    heads: tuple[int, int] = (2, 8)  # of the predictor: number, width; 0: as wide as a token
    encoder_name: str = "dinov2_vits14"
    encoder_inside: bool = False
    decoder: str = "vqvae"  # or transposed_conv, or none
    data_parallel: bool = False
    epoch: int = 7
    file: str = "model_latest.pth"
    legacy: bool = False
    modules: dict[str, nn.Module] = field(default_factory=dict)

    def write(self, directory: Path) -> Path:
        """Write the run directory and, beside it, ``encoder.pth``."""
        torch.manual_seed(0)
        registers = 4 if self.encoder_name.endswith("_reg") else 0
        base = DinoVisionTransformer(registers)
        (directory / "checkpoints").mkdir(parents=True)
        torch.save(base.state_dict(), directory.parent / "encoder.pth")
        action, proprio = (5, 3) if self.concat_dim else (24, 24)
        tokens = 4 if self.feature_key == "x_norm_patchtokens" else 1
        width = 24 + action * self.repeats[0] + proprio * self.repeats[1]
        if self.concat_dim == 0:
            width, tokens = 24, tokens + 2
        count, dim_head = self.heads
        self.modules = {
            "predictor": ViTPredictor(self.num_hist, tokens, width, count, dim_head or width),
            "action_encoder": ProprioceptiveEmbedding(self.frameskip * self.action_dim, action),
            "proprio_encoder": ProprioceptiveEmbedding(self.proprio_dim, proprio),
        }
        if self.decoder != "none":
            vqvae = self.decoder == "vqvae"
            self.modules["decoder"] = VQVAE(24) if vqvae else TransposedConvDecoder()
        if self.encoder_inside:
            self.modules["encoder"] = DinoV2Encoder(base, self.encoder_name)
        self.save(directory / "checkpoints" / self.file)
        (directory / "hydra.yaml").write_text(yaml.safe_dump(self._config(action, proprio)))
        return directory

    def save(self, path: Path) -> None:
        """Write the checkpoint."""
        contents: dict[str, Any] = {"epoch": self.epoch}
        for name, module in self.modules.items():
            contents[name] = DistributedDataParallel(module) if self.data_parallel else module
            # Outside ``importable``: a step imports parts of torch, which must see torch's classes.
            contents[f"{name}_optimizer"] = _optimizer(module)
        with importable(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the old format looks for the classes' source
            torch.save(contents, path, _use_new_zipfile_serialization=not self.legacy)

    def _config(self, action: int, proprio: int) -> dict[str, Any]:
        decoder = {"_target_": "models.vqvae.VQVAE", "channel": 8, "n_embed": 6,
                   "n_res_block": 1, "n_res_channel": 4, "quantize": False}  # fmt: skip
        return {
            "training": {"seed": 3, "epochs": 100}, "img_size": 32, "frameskip": self.frameskip,
            "concat_dim": self.concat_dim, "normalize_action": True, "action_emb_dim": action,
            "num_action_repeat": self.repeats[0], "proprio_emb_dim": proprio,
            "num_proprio_repeat": self.repeats[1], "num_hist": self.num_hist, "num_pred": 1,
            "model": {"train_encoder": self.encoder_inside},
            "env": {"name": "franka", "decoder_path": None, "dataset": {
                "_target_": "datasets.point_maze_dset.load_point_maze_slice_train_val",
                "n_rollout": None, "normalize_action": True, "data_path": "/data/set",
                "split_ratio": 0.9,
                "transform": {"_target_": "datasets.img_transforms.default_transform"}}},
            "encoder": {"_target_": "models.dino.DinoV2Encoder", "name": self.encoder_name,
                        "feature_key": self.feature_key},
            "predictor": {"_target_": "models.vit.ViTPredictor", "depth": 2,
                          "heads": self.heads[0], "mlp_dim": 32, "dropout": 0.1, "pool": "mean"},
            "decoder": decoder if self.decoder == "vqvae" else {},
        }  # fmt: skip


def _optimizer(module: nn.Module) -> Any:
    """AdamW after one step, wrapped as accelerate does."""
    optimizer = torch.optim.AdamW(module.parameters())
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 0.01)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    (wrapped,) = CLASSES["accelerate.optimizer"]
    instance = wrapped()
    instance.optimizer = optimizer
    return instance
