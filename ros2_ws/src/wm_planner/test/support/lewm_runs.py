"""The genuine LeWM run in every form, its conversions, and small random models."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wm_planner.conversion.errors import ConversionError
from wm_planner.conversion.facts import Facts, read_facts
from wm_planner.conversion.registry import convert
from wm_planner.conversion.request import Converted, Request
from wm_planner.datasets import DatasetError
from wm_planner.files.errors import FileFormatError
from wm_planner.models.lewm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    ObjectiveSpec,
    SpecError,
    Statistics,
    Training,
    WeightsFile,
)

DATA = Path(__file__).parents[1] / "data" / "lewm"
NUMBERS = DATA / "data/toy_expert_train_no_pixels.h5"
EPISODES = DATA / "data/toy_two_episodes.h5"
PICKLED = DATA / "lewm_object.ckpt"
REFUSALS = (ConversionError, DatasetError, FileFormatError, SpecError)
LEWM_CLASS = b"cstable_worldmodel.wm.lewm.lewm\nLeWM\n"
"""How the pickle names the class of the whole model."""


def lewm_facts(**changes: Any) -> Facts:
    given = {
        "control_rate": 10.0,
        "color_order": "rgb",
        "action": {"names": ["dx", "dy"], "units": ["m", "m"], "frame": "base"},
        "camera_crop": "square",
        "normalization": "population",
    }
    return read_facts(None, {**given, **changes})


def convert_lewm(run: Path, output: Path, facts: Facts | None = None, **changes: Any) -> Converted:
    request: dict[str, Any] = {"dataset": NUMBERS, **changes}
    return convert(Request(run, output, **request), facts or lewm_facts())


def renamed_pickle(path: Path, *changes: tuple[bytes, bytes]) -> Path:
    """Write the pickled model with other names in its pickle."""
    with zipfile.ZipFile(PICKLED) as genuine, zipfile.ZipFile(path, "w") as archive:
        for entry in genuine.infolist():
            content = genuine.read(entry)
            if entry.filename.endswith("data.pkl"):
                for old, new in changes:
                    assert old in content
                    content = content.replace(old, new)
            archive.writestr(entry.filename, content)
    return path


def state_dict() -> dict[str, Tensor]:
    weights: dict[str, Tensor] = torch.load(DATA / "lewm_transformers4/weights.pt")
    return weights


def write_training(directory: Path, **others: Any) -> Path:
    """Write a checkpoint as Lightning does, beside the configuration of the run."""
    directory.mkdir()
    shutil.copy(DATA / "lewm/config.json", directory)
    tensors = {f"model.{name}": tensor for name, tensor in state_dict().items()}
    tensors["sigreg.knots"] = torch.zeros(17)
    path = directory / "toy_weights.ckpt"
    torch.save({"epoch": 9, "state_dict": tensors, "optimizer_states": [], **others}, path)
    return path


def write_configured(directory: Path, change: Callable[[Any], Any]) -> Path:
    """Write the state dict beside a configuration that was changed."""
    directory.mkdir()
    shutil.copy(DATA / "lewm/weights.pt", directory)
    config = json.loads((DATA / "lewm/config.json").read_text())
    (directory / "config.json").write_text(json.dumps(change(config)))
    return directory


def without_targets(config: Any) -> Any:
    """Leave out the names of classes, as some configurations do."""
    if not isinstance(config, dict):
        return config
    return {k: without_targets(v) for k, v in config.items() if k not in ("_target_", "norm_fn")}


def small_spec(
    *,
    width: int = 10,
    frames: int = 2,
    norm: str = "batch",
    reduction: str = "sum",
) -> ModelSpec:
    """A model whose every width is another, with three numbers per action."""
    return ModelSpec(
        name="small",
        family="lewm",
        weights=WeightsFile(sha256=""),
        image=ImageSpec(size=16, fit="keep", normalize_first=True),
        action=ActionSpec(["a", "b", "c"], ["m"] * 3, "base"),
        statistics=Statistics(Moments([0.0] * 3, [1.0] * 3)),
        training=Training(-1, -1, -1),
        objective=ObjectiveSpec(reduction=reduction),
        control_rate=10.0,
        num_hist=frames,
        frameskip=2,
        architecture=Architecture(
            encoder=EncoderArchitecture(12, 2, 3, 20, 4, 4),
            predictor=PredictorArchitecture(2, 2, 5, 14, width, frames),
            latent=6,
            projector_dim=9,
            pred_proj_dim=11,
            predicted=7,
            action_emb_dim=6,
            smoothed_dim=5,
            action_mlp_dim=8,
            projection_norm=norm,
        ).to_dict(),
    )


def random_lewm(spec: ModelSpec, device: str = "cpu", **options: Any) -> LewmWorldModel:
    """A model whose every tensor is random, statistics of batch norm included."""
    torch.manual_seed(0)
    model = LewmWorldModel(spec, None, torch.device(device), **options)
    with torch.no_grad():
        for name, tensor in model.networks.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.randn_like(tensor) * 0.3)
                if name.endswith(("running_var", "norm.weight", "norm1.weight", "norm2.weight")):
                    tensor.abs_().add_(0.5)
    model.use(options.get("precision", "float32"), options.get("compute", "eager"))
    return model


def rollout_slowly(model: LewmWorldModel, frames: Tensor, actions: Tensor, horizon: int) -> Tensor:
    """Predict as upstream does: every frame anew, from the newest ones, without any cache.

    Args:
        model: The model.
        frames: Observed latents (M, T, latent).
        actions: z-normalized actions (M, T - 1 + H, A), those between the frames first.
        horizon: H.

    Returns:
        (M, T + H, latent).
    """
    networks, window = model.networks, model.spec.num_hist
    embedded = networks.action_encoder(actions)
    found = [frames[:, t] for t in range(frames.shape[1])]
    for _ in range(horizon):
        count = len(found)
        seen = torch.stack(found[-window:], dim=1)
        acting = embedded[:, max(0, count - window) : count]
        predicted = networks.predictor.predict(seen, acting)[:, -1]
        found.append(networks.pred_proj(predicted[:, None])[:, 0])
    return torch.stack(found, dim=1)


class Holder(nn.Module):
    """A module with given parts, for pickles that are no LeWM."""

    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def refused(run: Path, output: Path, words: str, **changes: Any) -> None:
    with pytest.raises(REFUSALS, match=words) as caught:
        convert_lewm(run, output, **changes)
    assert not output.exists()
    assert len(str(caught.value).split("\n")[0]) < 1000
