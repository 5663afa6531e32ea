"""The networks of one DINO-WM model, and loading their weights."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from wm_planner.models.dino_wm.architecture import Architecture
from wm_planner.models.dino_wm.decoder import Decoder
from wm_planner.models.dino_wm.embedding import Embedding
from wm_planner.models.dino_wm.encoder import Encoder
from wm_planner.models.dino_wm.predictor import Predictor
from wm_planner.models.loading import WeightsError
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

    def load_weights(self, path: Path) -> None:
        """Load all weights.

        Raises:
            WeightsError: The file cannot be read, or its tensors are not exactly those of the
                networks, in name and shape.
        """
        try:
            tensors = load_file(path)
        except (OSError, SafetensorError) as error:
            raise WeightsError(
                f"{path} cannot be read as safetensors ({error}): convert the checkpoint again"
            ) from error
        expected = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        problems = [f"{name} is missing" for name in expected if name not in found]
        problems += [f"{name} is not known" for name in found if name not in expected]
        problems += [
            f"{name} is {found[name]}, not {shape}"
            for name, shape in expected.items()
            if found.get(name, shape) != shape
        ]
        if problems:
            more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
            raise WeightsError(
                f"{path} does not fit the architecture in model.yaml: "
                f"{'; '.join(problems[:3])}{more}: use the files of one conversion together"
            )
        self.load_state_dict(tensors)
