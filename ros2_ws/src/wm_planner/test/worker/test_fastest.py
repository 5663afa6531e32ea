"""The choice of how rollouts are computed: the fastest way that plans as float32 does."""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import small_dino_wm
import torch

from wm_planner.config import Config
from wm_planner.models.dino_wm.model import DinoWorldModel
from wm_planner.models.protocol import Latent
from wm_planner.planning import captured
from wm_planner.worker import fastest, trials
from wm_planner.worker.fastest import Choice, candidates, choose
from wm_planner.worker.trials import Way

WAYS = [Way(p, c) for p in ("bfloat16", "float16", "float32") for c in ("graphs", "eager")]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/wm_planner"


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # half precision on several threads of a busy CPU takes minutes
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def config() -> Config:
    config = Config()
    config.planning.num_samples, config.planning.iterations, config.planning.horizon = 16, 4, 3
    return config


@pytest.fixture
def model(tmp_path, device) -> DinoWorldModel:
    return small_dino_wm.random_model(tmp_path, device=device)


@pytest.fixture
def several_ways(captures, monkeypatch) -> None:
    """Offer ways as on a GPU, whatever the device and its speed; a small model errs more."""
    monkeypatch.setattr(fastest, "PATIENCE", math.inf)
    monkeypatch.setattr(trials, "CANDIDATES", 60)
    monkeypatch.setattr(trials, "ELITES_IN_COMMON", 0.8)
    monkeypatch.setattr(trials, "COST_OF_PLAN", 1.1)
    monkeypatch.setattr(fastest, "candidates", lambda *_: WAYS)
    monkeypatch.setattr(trials.Course, "_timed", lambda *_: next(times))
    times = itertools.count(0.05, -1e-4)  # every way is faster than the one before


def broken(
    model: DinoWorldModel, change: Callable[[str, torch.Tensor], torch.Tensor], monkeypatch
) -> list[Way]:
    """Change the costs of a model depending on its precision; return the ways that it uses."""
    used: list[Way] = []
    before, distance = model.use, model.distance

    def use(precision: str, compute: str) -> None:
        used.append(Way(precision, compute))
        before(precision, compute)

    def changed(*arguments: Any) -> torch.Tensor:
        return change(used[-1].precision, distance(*arguments))

    monkeypatch.setattr(model, "use", use)
    monkeypatch.setattr(model, "distance", changed)
    return used


def test_on_a_cpu_nothing_is_tried(tmp_path, config, monkeypatch) -> None:
    monkeypatch.setattr(fastest, "Course", lambda *_: pytest.fail("tried"))
    assert choose(small_dino_wm.random_model(tmp_path), config) == Choice(Way())


def test_what_is_asked_for_is_not_tried(model, config, monkeypatch) -> None:
    monkeypatch.setattr(fastest, "Course", lambda *_: pytest.fail("tried"))
    config.model.precision, config.model.compute = "bfloat16", "eager"
    assert choose(model, config) == Choice(Way("bfloat16", "eager"))


def test_graphs_that_are_asked_for_are_used(model, config, monkeypatch) -> None:
    monkeypatch.setattr(fastest, "candidates", lambda *_: [Way("float32", "graphs")])
    assert choose(model, config) == Choice(Way("float32", "graphs"))
    assert isinstance(model._encoder, captured.Captured)


@pytest.mark.usefixtures("several_ways")
def test_half_precision_is_chosen_if_it_plans_alike(model, config, monkeypatch) -> None:
    used = broken(model, lambda precision, costs: costs, monkeypatch)
    choice = choose(model, config)
    assert choice.way == used[-1] == Way("bfloat16", "eager")
    assert choice.sentence.startswith(
        "computes in bfloat16, eager (60 candidates were tried for two goals, one with a mask; "
    )
    assert all(f"; {way}: " in choice.sentence for way in (Way("float32", "graphs"), *WAYS[:2]))
    assert "; float16" not in choice.sentence


@pytest.mark.usefixtures("several_ways")
def test_a_way_that_is_slower_than_float32_is_not_chosen(model, config, monkeypatch) -> None:
    rising = itertools.count(1)
    monkeypatch.setattr(trials.Course, "_timed", lambda *_: next(rising))
    choice = choose(model, config)
    assert choice.way == Way("float32", "graphs")
    assert "30 candidates were tried" in choice.sentence  # fewer on a slow device


@pytest.mark.usefixtures("several_ways")
def test_without_time_float32_is_chosen_and_kept(model, config, monkeypatch) -> None:
    monkeypatch.setattr(fastest, "PATIENCE", -1.0)
    choice = choose(model, config)
    assert choice.way == Way("float32")
    assert "no time was left" in choice.sentence
    monkeypatch.setattr(fastest, "Course", lambda *_: pytest.fail("tried again"))
    assert choose(model, config) == choice


@pytest.mark.usefixtures("several_ways")
def test_a_trial_that_ended_the_process_is_not_repeated(model, config, monkeypatch) -> None:
    monkeypatch.setattr(trials.Course, "trial", lambda *_: sys.exit("as if killed"))
    with pytest.raises(SystemExit):
        choose(model, config)
    choice = choose(model, config)
    assert choice.way == Way("float32")
    assert "an earlier start ended" in choice.sentence


@pytest.mark.usefixtures("several_ways")
def test_where_graphs_fail_the_precisions_are_tried_without(model, config, monkeypatch) -> None:
    monkeypatch.setattr(captured, "capture", lambda *_: 1 / 0)
    monkeypatch.setattr(captured, "captures", lambda device: True)
    choice = choose(model, config)
    assert choice.way == Way("bfloat16", "eager")
    assert "; float32, graphs is not possible: ZeroDivisionError" in choice.sentence


@pytest.mark.usefixtures("several_ways")
def test_where_the_encoder_cannot_be_a_graph_rollouts_are_none(model, config, monkeypatch) -> None:
    capture = captured.capture

    def capture_no_images(function: Any, inputs: torch.Tensor) -> Any:
        if inputs.shape[-1] == model.spec.image.size:
            raise RuntimeError("the encoder waits")
        return capture(function, inputs)

    monkeypatch.setattr(captured, "capture", capture_no_images)
    choice = choose(model, config)
    assert choice.way == Way("bfloat16", "eager")
    assert "; bfloat16, graphs is not possible: RuntimeError: the encoder waits" in choice.sentence


@pytest.mark.usefixtures("several_ways")
def test_without_memory_for_a_graph_the_choice_is_not_kept(
    model, config, cache, monkeypatch
) -> None:
    monkeypatch.setattr(captured, "capture", lambda *_: None)
    choice = choose(model, config)
    assert choice.way == Way("bfloat16", "eager")
    assert "too little memory is free for a graph" in choice.sentence
    assert not list(cache.glob("*"))


@pytest.mark.usefixtures("several_ways")
def test_a_precision_with_other_elites_is_not_chosen(model, config, monkeypatch) -> None:
    broken(model, lambda p, costs: -costs if p == "bfloat16" else costs, monkeypatch)
    choice = choose(model, config)
    assert choice.way.precision == "float16"
    assert "bfloat16, graphs: " in choice.sentence
    assert ", 0% of float32's elites" in choice.sentence
    config.model.precision = "bfloat16"  # asked for, so it need not plan alike
    monkeypatch.setattr(fastest, "candidates", lambda *_: WAYS[:2])
    assert choose(model, config).way.precision == "bfloat16"


@pytest.mark.usefixtures("several_ways")
def test_a_precision_with_other_elites_for_a_masked_goal_is_not_chosen(
    model, config, monkeypatch
) -> None:
    used = broken(model, lambda precision, costs: costs, monkeypatch)
    distance = model.distance

    def reversed_if_masked(rollout: Latent, goal: Latent, objective: Any) -> torch.Tensor:
        costs = distance(rollout, goal, objective)
        return costs.where(~goal.masked, -costs) if used[-1].precision == "bfloat16" else costs

    monkeypatch.setattr(model, "distance", reversed_if_masked)
    choice = choose(model, config)
    assert choice.way.precision == "float16"
    assert "bfloat16, graphs: " in choice.sentence
    assert ", 0% of float32's elites" in choice.sentence


@pytest.mark.usefixtures("several_ways")
def test_costs_that_are_not_finite_are_not_chosen(model, config, monkeypatch) -> None:
    broken(model, lambda p, costs: costs * (1 if p == "float32" else torch.nan), monkeypatch)
    assert choose(model, config).way.precision == "float32"


@pytest.mark.usefixtures("several_ways")
def test_a_way_that_the_device_cannot_is_named(model, config, monkeypatch) -> None:
    def fail(precision: str, costs: torch.Tensor) -> torch.Tensor:
        if precision == "bfloat16":
            raise RuntimeError("no compiler\nwas found")
        return costs

    broken(model, fail, monkeypatch)
    choice = choose(model, config)
    assert choice.way.precision == "float16"
    assert r"bfloat16, graphs is not possible: RuntimeError: no compiler\nwas found" in (
        choice.sentence
    )
    monkeypatch.setattr(fastest, "Course", lambda *_: pytest.fail("tried again"))
    assert choose(model, config) == choice


@pytest.mark.usefixtures("several_ways")
@pytest.mark.parametrize("method", ["trial", "__init__"])
@pytest.mark.parametrize(
    "said", ["CUDA error: out of memory", "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"]
)
def test_a_choice_without_a_trial_is_made_again(
    model, config, cache, monkeypatch, method: str, said: str
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError(said)

    with monkeypatch.context() as patch:
        patch.setattr(trials.Course, method, fail)
        choice = choose(model, config)
    assert choice.way == Way("float32")
    assert said.removeprefix("CUDA error: ")[:12] in choice.sentence
    assert not list(cache.glob("*"))
    assert choose(model, config).way.precision == "bfloat16"


@pytest.mark.usefixtures("several_ways")
def test_a_choice_after_the_memory_ran_out_is_made_again(model, config, cache, monkeypatch) -> None:
    def scarce(precision: str, costs: torch.Tensor) -> torch.Tensor:
        if precision == "bfloat16":
            raise torch.OutOfMemoryError
        return costs

    broken(model, scarce, monkeypatch)
    assert choose(model, config).way.precision == "float16"
    assert not list(cache.glob("*"))


@pytest.mark.usefixtures("several_ways")
def test_a_compute_that_was_asked_for_stays_whatever_fails(model, config, monkeypatch) -> None:
    graphs = [way for way in WAYS if way.compute == "graphs"]
    monkeypatch.setattr(fastest, "candidates", lambda *_: graphs)
    monkeypatch.setattr(trials.Course, "trial", lambda *_: 1 / 0)
    assert choose(model, config).way == Way("float32", "graphs")


@pytest.mark.usefixtures("several_ways")
def test_a_choice_is_made_once_for_a_model_and_a_horizon(model, config, monkeypatch) -> None:
    first = choose(model, config)
    with monkeypatch.context() as patch:
        patch.setattr(fastest, "Course", lambda *_: pytest.fail("tried again"))
        assert choose(model, config) == first
    config.planning.horizon = 2
    used = broken(model, lambda precision, costs: costs, monkeypatch)
    choose(model, config)
    assert len(used) > 1


@pytest.mark.usefixtures("several_ways")
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1]",
        b'{"way": 3}',
        b'{"way": {"precision": "int1"}}',
        b"\xff" * 9,
        b'{"way": {"precision": "bfloat16", "compute": "eager"}, "words": 3}',
    ],
)
def test_a_damaged_file_of_choices_is_as_none(model, config, cache, content: bytes) -> None:
    way = choose(model, config).way
    (path,) = cache.glob("*")
    path.write_bytes(content)
    assert choose(model, config).way.precision == way.precision
    assert path.read_bytes() != content


@pytest.mark.usefixtures("several_ways")
@pytest.mark.parametrize("folder", ["/proc/nowhere", "relative", ""])
def test_a_folder_that_cannot_be_used_does_not_matter(
    model, config, monkeypatch, folder: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", folder)
    monkeypatch.delenv("HOME")
    assert choose(model, config).way.precision == "bfloat16"


def stub(**attributes: Any) -> Any:
    """A model on a GPU that is not there."""
    spec = SimpleNamespace(family="stub")
    return SimpleNamespace(spec=spec, device=torch.device("cuda"), **attributes)


@pytest.mark.parametrize(
    ("capability", "precisions"),
    [
        ((9, 0), ["bfloat16", "float16", "tf32", "float32"]),
        ((7, 5), ["float16", "float32"]),
        ((6, 1), ["float32"]),
    ],
)
def test_a_gpu_is_offered_what_it_has(capability, precisions, config, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    model = stub(static_rollout=True, use=print, precisions=DinoWorldModel.precisions)
    ways = candidates(model, config)
    assert list(dict.fromkeys(way.precision for way in ways)) == precisions
    assert [way.compute for way in ways[:3]] == ["graphs", "compiled", "eager"]
    config.planning.preset = "gradient"
    gradients = list(dict.fromkeys(way.precision for way in candidates(model, config)))
    assert gradients == [name for name in precisions if name != "float16"]
    config.model.precision, config.model.compute = "tf32", "graphs"
    assert candidates(model, config) == [Way("tf32", "graphs")]


def test_a_model_that_may_wait_for_the_gpu_is_not_captured(config, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    assert candidates(stub(), config) == [Way("float32", "eager")]
    foreign = stub(static_rollout=True, precisions=["float16"])  # no method `use`
    assert candidates(foreign, config) == [Way("float32", "graphs"), Way("float32", "eager")]
    config.model.compute = "graphs"
    with pytest.raises(ValueError, match=r"model\.compute is graphs.*stub does not"):
        choose(stub(), config)
