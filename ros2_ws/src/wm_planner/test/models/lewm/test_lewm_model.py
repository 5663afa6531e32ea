"""LeWM models of any sizes: rollouts, precision, cost, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from lewm_runs import DATA, convert_lewm, random_lewm, rollout_slowly, small_spec
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from wm_planner.diagnosis.cost import Cost, cost_of
from wm_planner.models.lewm.architecture import (
    Architecture,
    EncoderArchitecture,
    PredictorArchitecture,
)
from wm_planner.models.lewm.model import LewmWorldModel
from wm_planner.models.loading import load
from wm_planner.models.protocol import Latent, ObservationBatch
from wm_planner.models.spec import ModelSpec, SpecError
from wm_planner.planning import Objective

PAPER = Architecture(
    encoder=EncoderArchitecture(192, 12, 3, 768, 14, 16),
    predictor=PredictorArchitecture(6, 16, 64, 2048, 192, 3),
    latent=192,
    projector_dim=2048,
    pred_proj_dim=2048,
    predicted=192,
    action_emb_dim=192,
    smoothed_dim=10,
    action_mlp_dim=768,
)


def paper_spec() -> ModelSpec:
    spec = small_spec(frames=3)
    spec.image.size, spec.frameskip, spec.architecture = 224, 5, PAPER.to_dict()
    spec.action = replace(spec.action, names=["a", "b"], units=["m"] * 2)
    spec.statistics.action.mean, spec.statistics.action.std = [0.0] * 2, [1.0] * 2
    return spec


def given(model: LewmWorldModel, batch: int, frames: int) -> tuple[Latent, Tensor]:
    torch.manual_seed(1)
    size, numbers = model.spec.architecture["latent"], model.spec.model_action_dim
    visual = torch.randn(batch, frames, 1, size, device=model.device)
    past = torch.randn(batch, frames - 1, numbers, device=model.device)
    return Latent(visual, actions=past if frames > 1 else None), past


@pytest.mark.parametrize("width", [10, 6], ids=["projected", "as wide as the latent"])
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_rollout_equals_the_slow_one_for_every_window_and_horizon(
    device: str, width: int, norm: str
) -> None:
    for frames in range(1, 5):
        model = random_lewm(small_spec(width=width, frames=frames, norm=norm), device, candidates=2)
        for horizon in range(1, 6):
            for observed in range(1, frames + 2):
                latent, past = given(model, 2, observed)
                actions = torch.randn(2, 3, horizon, 6, device=device)
                result = model.rollout(latent, actions).visual[:, :, :, 0]
                for candidate in range(3):
                    acting = torch.cat([past, actions[:, candidate]], dim=1)
                    slow = rollout_slowly(model, latent.visual[:, :, 0], acting, horizon)
                    torch.testing.assert_close(result[:, candidate], slow, rtol=1e-5, atol=1e-5)


def test_parameters_of_the_published_size() -> None:
    """18,034,478 of upstream's, 10 buffers of batch norm and no more."""
    model = random_lewm(paper_spec())
    assert sum(p.numel() for p in model.networks.parameters()) == 18_034_478
    # Query, key and value are one tensor each: 303 of upstream's keys, minus 4 of each 12 blocks.
    assert len(model.networks.state_dict()) == 303 - 4 * 12


def paper_rollout(samples: int, observed: int = 1, **options: str) -> Cost:
    """One iteration of a planner on the paper's sizes, counted without computing it."""
    model = LewmWorldModel(paper_spec(), None, **options)
    with FakeTensorMode():
        latent = Latent(
            torch.empty(1, observed, 1, 192),
            actions=torch.empty(1, observed - 1, 10) if observed > 1 else None,
        )
        actions = torch.empty(1, samples, 5, 10)
    return cost_of(lambda: model.rollout(latent, actions))


def test_paper_plan_executes_at_most_1_66_teraflop() -> None:
    """Upstream executes 2.54; 300 samples, 30 iterations, horizon 5."""
    assert 1.5e12 < 30 * paper_rollout(300).flop <= 1.66e12


@pytest.mark.parametrize(("precision", "most"), [("float32", 483), ("float16", 519)])
def test_rollout_takes_few_operations(precision: str, most: int) -> None:
    """On a GPU each operation is a launch, and launches are what a rollout of 64 candidates costs.

    With attention and MLP as in upstream's layers they would be 750.
    """
    assert paper_rollout(64, precision=precision).operations <= most


def test_observed_past_is_computed_once_for_all_candidates() -> None:
    """From three frames the window slides with every step, but the past is the same for all."""
    assert paper_rollout(300, observed=3).flop < 1.35 * paper_rollout(300).flop


def test_rolling_cache_saves_a_third() -> None:
    assert paper_rollout(2, approximation="rolling_cache").flop < 0.67 * paper_rollout(2).flop


def test_rolling_cache_is_exact_until_the_window_slides_and_not_after() -> None:
    model = random_lewm(small_spec(frames=3))
    rolling = random_lewm(small_spec(frames=3), approximation="rolling_cache")
    latent, _ = given(model, 1, 1)
    actions = torch.randn(1, 4, 5, 6)
    exact, rolled = (m.rollout(latent, actions).visual[0, :, 1:, 0] for m in (model, rolling))
    torch.testing.assert_close(rolled[:, :3], exact[:, :3], rtol=1e-5, atol=1e-5)
    assert (rolled[:, 3:] - exact[:, 3:]).abs().amax(dim=(0, 2)).min() > 1e-4


@pytest.mark.parametrize(("precision", "within"), [("bfloat16", 0.1), ("float16", 0.02)])
def test_lower_precision_stays_near_and_returns_float32(
    precision: str, within: float, device: str
) -> None:
    exact, near = (
        random_lewm(small_spec(frames=3), device, precision=name) for name in ("float32", precision)
    )
    latent, _ = given(exact, 1, 1)
    actions = torch.randn(1, 8, 5, 6, device=device)
    one, other = (m.rollout(latent, actions).visual[0, :, 1:] for m in (exact, near))
    assert other.dtype == torch.float32
    error = (other - one).square().mean().sqrt() / one.std()
    assert 0 < error < within


def test_bfloat16_keeps_the_elites(tmp_path, reference, device: str) -> None:
    """Of 300 candidates, 95 % of the 30 best are the same, over several starts and goals."""
    directory = convert_lewm(DATA / "lewm", tmp_path / "model").directory
    exact, half = (load(directory, device, precision=p) for p in ("float32", "bfloat16"))
    torch.manual_seed(0)
    common = []
    for start, goal in ((0, 5), (1, 6), (2, 7), (3, 8)):
        actions = torch.randn(1, 300, 5, 10, device=device)
        best = []
        for model in (exact, half):
            one, other = (
                model.encode(ObservationBatch(reference["images_raw"][i][None, None]))
                for i in (start, goal)
            )
            with torch.inference_mode():
                costs = model.distance(model.rollout(one, actions), other)[0]
            best.append(set(costs.topk(30, largest=False).indices.tolist()))
        common.append(len(best[0] & best[1]))
    assert sum(common) >= 0.95 * 30 * len(common)


def test_gradients_reach_the_actions_and_no_weight() -> None:
    model = random_lewm(small_spec(frames=2), candidates=3)
    latent, _ = given(model, 1, 2)
    actions = torch.randn(1, 7, 4, 6).requires_grad_()
    model.distance(model.rollout(latent, actions), Latent(latent.visual[:, :1])).sum().backward()
    assert actions.grad is not None
    assert actions.grad.abs().amax(dim=(0, 1, 3)).min() > 0
    assert not any(p.requires_grad for p in model.networks.parameters())


def test_batch_norm_uses_the_statistics_of_the_training() -> None:
    """The latent of an image does not depend on the images beside it."""
    model = random_lewm(small_spec())
    images = torch.randint(0, 256, (4, 1, 16, 16, 3), dtype=torch.uint8)
    together = model.encode(ObservationBatch(images)).visual
    alone = model.encode(ObservationBatch(images[:1])).visual
    torch.testing.assert_close(together[:1], alone)
    assert not model.networks.training


def test_distance_is_the_sum_or_the_mean_and_ranks_alike() -> None:
    summed, mean = (random_lewm(small_spec(reduction=r)) for r in ("sum", "mean"))
    latent, _ = given(summed, 2, 1)
    rollout = summed.rollout(latent, torch.randn(2, 3, 4, 6))
    goal = Latent(latent.visual + 1)
    torch.testing.assert_close(summed.distance(rollout, goal), 6 * mean.distance(rollout, goal))
    everywhere = summed.distance(rollout, goal, Objective(mode="mean"))
    expected = (rollout.visual - goal.visual[:, None]).square().sum(dim=(-2, -1))[:, :, 1:].mean(-1)
    torch.testing.assert_close(everywhere, expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda spec: spec.architecture.pop("latent"), "missing 1 required positional"),
        (lambda spec: spec.architecture.update(latent=True), "architecture.latent must be a whole"),
        (lambda spec: spec.architecture.update(more=1), "unexpected keyword argument 'more'"),
        (lambda spec: spec.architecture.update(encoder=3), "encoder must be a mapping"),
        (lambda spec: spec.architecture["encoder"].update(heads=5), "a multiple of heads"),
        (lambda spec: spec.architecture.update(projection_norm="x"), "projection_norm must be one"),
        (lambda spec: setattr(spec, "num_hist", 7), "predictor.frames is 2, but model.yaml says 7"),
        (
            lambda spec: setattr(spec.image, "size", 32),
            "grid is 16, but model.yaml says 32",
        ),
        (lambda spec: setattr(spec, "views", ["left", "right"]), "one view and no proprio"),
    ],
)
def test_a_spec_that_does_not_fit_is_refused(change, words: str) -> None:
    spec = small_spec()
    change(spec)
    with pytest.raises(SpecError, match=words):
        LewmWorldModel(spec, None)


def test_wrong_shapes_are_named() -> None:
    model = random_lewm(small_spec())
    latent, _ = given(model, 1, 1)
    with pytest.raises(ValueError, match=r"actions must be \(1, N, H, 6\), not \(1, 2, 3, 5\)"):
        model.rollout(latent, torch.zeros(1, 2, 3, 5))
    with pytest.raises(ValueError, match="a history of several frames needs the actions"):
        model.rollout(Latent(torch.zeros(1, 2, 1, 6)), torch.zeros(1, 2, 3, 6))
    images = torch.zeros(1, 2, 16, 16, 3, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"actions of a history must be \(1, 1, 6\)"):
        model.encode(ObservationBatch(images, actions=torch.zeros(1, 2, 6)))
    with pytest.raises(ValueError, match="a goal latent is"):
        model.distance(latent, Latent(torch.zeros(2, 1, 1, 6)))
    with pytest.raises(ValueError, match="starts from what encode returned"):
        model.rollout(Latent(torch.zeros(1, 2, 3, 1, 6)), torch.zeros(1, 2, 3, 6))
    assert model.decode(latent) is None


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.filterwarnings("ignore:The .grad attribute")  # which torch's compiler reads
def test_compiled_rollout_equals_the_plain_one_for_any_number_of_candidates(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many candidates, problems and frames: torch must not give up compiling."""
    torch.compiler.reset()
    monkeypatch.setattr(torch._dynamo.config, "fail_on_recompile_limit_hit", True)
    plain, fast = (
        random_lewm(small_spec(frames=3), device, compute=name) for name in ("eager", "compiled")
    )
    for precision in ("bfloat16", "float16", "float32"):  # one after the other, as they are tried
        fast.use(precision, "compiled")
        with torch.inference_mode():
            for batch, count in ((1, 3), (1, 1), (2, 5)):
                latent, _ = given(plain, batch, 1)
                fast.rollout(latent, torch.randn(batch, count, 5, 6, device=device))
    with torch.inference_mode():
        for batch, count, observed in ((1, 3, 1), (1, 7, 2), (1, 1, 1), (2, 5, 3), (1, 12, 1)):
            latent, _ = given(plain, batch, observed)
            actions = torch.randn(batch, count, 4, 6, device=device)
            one, other = (m.rollout(latent, actions).visual for m in (plain, fast))
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5)
    latent, _ = given(plain, 1, 1)
    for count in (1, 4):  # and with gradients
        actions = torch.randn(1, count, 4, 6, device=device).requires_grad_()
        fast.rollout(latent, actions).visual.square().sum().backward()
