"""The models of ``dino_wm.py``: a paper-size model with random weights, or a converted one."""

from __future__ import annotations

import torch
from dino_wm_upstream import Upstream

from wm_planner.diagnosis.cost import Cost, cost_of
from wm_planner.models.dino_wm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent
from wm_planner.models.spec import (
    ActionSpec,
    ImageSpec,
    ModelSpec,
    Moments,
    ProprioSpec,
    Statistics,
    Training,
    WeightsFile,
)

HORIZON = 5


PAPER = (
    EncoderArchitecture("dinov2_vits14", "x_norm_patchtokens", width=384, depth=12, heads=6),
    PredictorArchitecture(6, 16, 64, 2048, width=404, tokens=196, frames=3),
)
TOY = (
    EncoderArchitecture(
        "dinov2_vits14", "x_norm_patchtokens", width=24, depth=1, heads=2, grid=5, input_size=28
    ),
    PredictorArchitecture(2, 2, 64, 32, width=44, tokens=4, frames=3),
)
"""Of no use but to try the benchmarks quickly."""


def spec_of(encoder: EncoderArchitecture, predictor: PredictorArchitecture) -> ModelSpec:
    """Return a spec with two numbers per action and a frameskip of 5, as in the paper."""
    architecture = Architecture(
        encoder,
        predictor,
        None,
        concat_dim=1,
        action_emb_dim=10,
        num_action_repeat=1,
        proprio_emb_dim=10,
        num_proprio_repeat=1,
    )
    return ModelSpec(
        name="random weights",
        family="dino_wm",
        weights=WeightsFile(sha256=""),
        image=ImageSpec(size=224),
        action=ActionSpec(["ax", "ay"], ["m", "m"], "world"),
        statistics=Statistics(Moments([0.0] * 2, [1.0] * 2), Moments([0.0] * 4, [1.0] * 4)),
        training=Training(0, 100, 0),
        control_rate=10.0,
        num_hist=3,
        frameskip=5,
        proprio=ProprioSpec(["x", "y", "vx", "vy"], ["m", "m", "m/s", "m/s"]),
        architecture=architecture.to_dict(),
    )


class Models:
    """The same model under different options."""

    def __init__(
        self,
        directory: str | None,
        device: torch.device,
        sizes: tuple[EncoderArchitecture, PredictorArchitecture] = PAPER,
    ) -> None:
        self.directory, self.device, self.sizes = directory, device, sizes
        self.made: dict[frozenset[tuple[str, object]], DinoWorldModel] = {}
        self.spec = self.make().spec

    def make(self, **options: object) -> DinoWorldModel:
        key = frozenset(options.items())
        if key not in self.made:
            self.made[key] = self._make(**options)
        return self.made[key]

    def _make(self, **options: object) -> DinoWorldModel:
        if self.directory is not None:
            model = load(self.directory, self.device, allow_unverified_statistics=True, **options)
            if not isinstance(model, DinoWorldModel):
                raise SystemExit(f"dino_wm: {self.directory} is no model of the family dino_wm")
            return model
        torch.manual_seed(0)
        return DinoWorldModel(spec_of(*self.sizes), None, self.device, **options)

    def cost(self, samples: int, iterations: int, upstream: bool, **options: object) -> Cost:
        """Count the FLOP of one plan, without the two images that ours encodes, and peak memory."""
        model = self.make(**options)
        sizes, width, device = model.architecture, self.spec.model_action_dim, self.device
        if upstream:
            side, states = self.spec.image.size, len(self.spec.proprio.names) or 1
            rule = Upstream(model)
            once = cost_of(
                lambda: rule.rollout(
                    torch.randn(samples, 3, side, side, device=device),
                    torch.randn(samples, states, device=device),
                    torch.randn(samples, HORIZON, width, device=device),
                )
            )
        else:
            once = cost_of(
                lambda: model.rollout(
                    Latent(
                        torch.randn(1, 1, sizes.encoder.tokens, sizes.encoder.width, device=device),
                        torch.randn(1, 1, sizes.proprio_emb_dim, device=device),
                    ),
                    torch.randn(1, samples, HORIZON, width, device=device),
                )
            )
        return Cost(iterations * once.flop, once.peak, iterations * once.operations)
