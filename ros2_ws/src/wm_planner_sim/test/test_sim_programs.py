"""The programs of the simulator: their help, and what they print with --json and --quiet."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from wm_planner.help_texts import JSON_HELP, QUIET_HELP, arguments_of, examples_of
from wm_planner_sim.client.episode import Episode
from wm_planner_sim.demo import program as demo
from wm_planner_sim.demo.report import Run, TaskReport
from wm_planner_sim.evaluation import program as evaluation
from wm_planner_sim.evaluation.in_process import Setup, evaluate
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.tasks import find_task
from wm_planner_sim.training import (
    collect,
    lewm,
    make_model,
    make_model_parser,
    tolerance,
    train,
)
from wm_planner_sim.training.recipes import Schedule

PARSERS = {
    parser.prog: parser
    for parser in (
        module.make_parser()
        for module in (demo, evaluation, collect, lewm, make_model_parser, tolerance)
    )
}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


class Counted:
    """A ``Progress`` that adds up the units of its one phase."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0.0

    def __call__(self, what: str, total: float | None = None) -> Counted:
        self.total = total
        return self

    def __enter__(self) -> Callable[..., None]:
        return self._step

    def __exit__(self, *error: object) -> None:
        pass

    def _step(self, units: float = 1) -> None:
        self.done += units


@pytest.mark.parametrize("program", PARSERS)
def test_every_example_is_accepted(program: str) -> None:
    examples = examples_of(PARSERS[program])
    assert 1 <= len(examples) <= 3
    for example in examples:
        PARSERS[program].parse_args(arguments_of(example, program))
    help_text = " ".join(PARSERS[program].format_help().replace("\\\n", "").split())
    assert help_text.endswith(" ".join(["Examples:", *examples]))


@pytest.mark.parametrize("program", PARSERS)
def test_help_fits_a_terminal_and_explains_every_argument(program: str) -> None:
    parser = PARSERS[program]
    assert [line for line in parser.format_help().splitlines() if len(line) > 80] == []
    for action in parser._actions:
        assert len(action.help or "") > 8, action.dest
        assert action.metavar or action.choices or action.nargs == 0, action.dest
    options: dict[str, argparse.Action] = parser._option_string_actions
    assert (options["--json"].help, options["-q"].help) == (JSON_HELP, QUIET_HELP)


@pytest.mark.parametrize("option", [None, "--quiet", "--json"])
@pytest.mark.parametrize(
    ("module", "words"),
    [
        (collect, ["{}/data.npz"]),
        (evaluation, ["--output={}"]),
        (lewm, ["{}/model"]),
        (make_model, ["--output={}/model"]),
        (tolerance, ["{}/model"]),
    ],
)
def test_quiet_and_json_are_without_progress(
    module: Any,
    words: list[str],
    option: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def shown(quiet: bool) -> Counted:
        asked.append(quiet)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "shown_progress", shown)
    given = [*words, option] if option else words
    with pytest.raises(SystemExit):
        module.main([word.format(tmp_path) for word in given])
    assert asked == [option is not None]


def test_the_error_of_a_training_that_diverged_is_null_in_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    images = np.zeros((1, 5, lewm.IMAGE_SIZE, lewm.IMAGE_SIZE, 3), np.uint8)
    actions = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
    data = tmp_path / "data.npz"
    collect.Dataset(images, np.zeros((1, 5, 3), np.float32), actions).save(data)
    monkeypatch.setattr(lewm, "train", lambda *_: math.nan)
    lewm.main([str(tmp_path / "model"), f"--data={data}", "--json"])
    expected = {"directory": str(tmp_path / "model"), "prediction_error": None}
    assert json.loads(capsys.readouterr().out) == expected


def test_all_json_is_written_without_nan() -> None:
    """``json_text`` does; ``json.dumps`` writes NaN, which JSON does not have."""
    sources = list(Path(collect.__file__).parents[1].rglob("*.py"))
    assert collect.__file__ in map(str, sources)
    assert [path.name for path in sources if "json.dump" in path.read_text()] == []


def test_training_shows_every_step() -> None:
    import torch

    network, shown = torch.nn.Linear(1, 1), Counted()
    schedule = Schedule(steps=10, batch=2, rate=1e-3)
    train.fit(
        network,
        lambda batch: network(torch.ones(1, 1)).square().sum(),
        4,
        schedule,
        np.random.default_rng(0),
        "toy",
        shown,
    )
    assert (shown.done, shown.total) == (10, 10)


@pytest.mark.sim
def test_an_evaluation_shows_every_goal() -> None:
    shown = Counted()
    found = evaluate(Setup("reach", "zero"), seeds.EVALUATION[:3], 1, batch=2, progress=shown)
    assert len(found) == shown.done == shown.total == 3


@pytest.mark.sim
@pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"]])
def test_a_collection_prints_its_file_and_nothing_else(
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = Counted()
    monkeypatch.setattr(collect, "shown_progress", lambda quiet: shown)
    output = tmp_path / "data.npz"
    collect.main([str(output), "--episodes", "2", "--size", "0", "--processes", "1", *options])
    printed, digest = capsys.readouterr().out, collect.Dataset.read(output).digest()
    if options == ["--json"]:
        expected = {"file": str(output), "episodes": 2, "sha256": digest}
        assert json.loads(printed) == expected
    else:
        assert printed == f"{output}: 2 episodes\nSHA-256 {digest}\n"
    assert shown.done == shown.total == 2


@pytest.mark.sim
@pytest.mark.parametrize("options", [[], ["--json"], ["--quiet"]])
def test_an_evaluation_prints_results_or_json(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--goals=1", "--ros=0", "--policies", "zero", "--shifts", "--processes=1"]
    evaluation.main([*few, f"--output={tmp_path}", *options])
    printed = capsys.readouterr().out
    (page,) = tmp_path.rglob("evaluation.html")
    if options == ["--json"]:
        found = json.loads(printed)
        assert found.pop("report") == str(page)
        assert found == json.loads(page.with_suffix(".json").read_text())
    else:
        first, last = printed.splitlines()
        assert first.startswith("no motion: 0 of 1 (")
        assert last == f"report: {page}"


def test_a_long_result_is_wrapped(capsys: pytest.CaptureFixture[str]) -> None:
    evaluation._print(
        "mean of the actions wrong by half a standard deviation: 97 of 100 (91.5 to 99.0 %)"
    )
    first, second = capsys.readouterr().out.splitlines()
    assert max(len(first), len(second)) <= 80
    assert second.startswith("  ")


@pytest.fixture
def shown_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str, Path]]:
    """Run the demo's program with a task that was already seen; return what it prints."""

    def seen(task: Any, arguments: Any, cockpit: Any, console: Console) -> TaskReport:
        console.print("starting …")
        reached = Episode(seed=1, initial_distance=0.2)
        reached.success, reached.distances = True, [0.2, 0.01]
        missed = Episode(seed=1, initial_distance=0.2)
        missed.distances = [0.2, 0.2]
        runs = (Run("online", task, [reached]), Run("random", task, [missed]))
        return TaskReport(task.name, *runs, {"online": [0.1]}, [], {})

    def run(*words: str) -> tuple[str, str, Path]:
        monkeypatch.setattr(demo, "show_task", seen)
        demo.main(["--headless", "--task", "reach", f"--output={tmp_path}", *words])
        printed = capsys.readouterr()
        (page,) = tmp_path.rglob("report.html")
        return printed.out, printed.err, page

    return run


def test_the_demo_prints_results_and_the_rest_elsewhere(
    shown_demo: Callable[..., tuple[str, str, Path]],
) -> None:
    out, err, page = shown_demo()
    result = "reach: 1 of 1 goals reached, with random actions 0 of 1\n"
    assert (out, err) == (f"{result}report: {page}\n", "starting …\n")


def test_a_quiet_demo_prints_results_alone(
    shown_demo: Callable[..., tuple[str, str, Path]],
) -> None:
    out, err, page = shown_demo("--quiet")
    assert out.endswith(f"report: {page}\n")
    assert err == ""


def test_the_demo_as_json(shown_demo: Callable[..., tuple[str, str, Path]]) -> None:
    out, err, page = shown_demo("--json")
    found = json.loads(out)
    assert err == ""
    assert found.pop("report") == str(page)
    assert found == json.loads(page.with_suffix(".json").read_text())
    assert found["tasks"]["reach"]["planner"]["successes"] == 1


def test_the_demo_takes_the_ros_arguments_of_a_launch_file(
    shown_demo: Callable[..., tuple[str, str, Path]],
) -> None:
    out, _, _ = shown_demo("--attach", "--ros-args", "-r", "__node:=demo", "--")
    assert out.startswith("reach: 1 of 1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--play", "--task", "reach", "--json"], "leave out --json"),
        (["--gaols", "3"], "unrecognized arguments: --gaols 3"),
    ],
)
def test_what_the_demo_cannot_do_is_refused(words: list[str], said: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_goals_are_shown_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task = find_task("reach")

    def pursue(client: Any, task: Any, seed: int, begin: Any, show: Any) -> Episode:
        episode = Episode(seed=seed, initial_distance=0.243)
        episode.distances, episode.plan_times, episode.success = [0.243, 0.012], [0.1], True
        episode.message = "reached: the distance is 0.02"
        show(episode)
        return episode

    monkeypatch.setattr(demo, "pursue", pursue)
    client = SimpleNamespace()
    for quiet in (False, True):
        console = Console(stderr=True, quiet=quiet)
        demo.run_goals(client, task, "online", 2, None, console)  # type: ignore[arg-type]
        printed = capsys.readouterr()
        assert printed.out == ""
        assert (printed.err == "") is quiet
        assert all(len(line) <= 80 for line in printed.err.splitlines())
