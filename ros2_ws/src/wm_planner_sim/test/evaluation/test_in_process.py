"""Evaluation in process: batches, shifts, recordings, and the page."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wm_planner.models.loading import load
from wm_planner_sim.client.processes import embedded_model
from wm_planner_sim.evaluation import program
from wm_planner_sim.evaluation.in_process import Setup, flop_per_episode, make_policy, run_batch
from wm_planner_sim.evaluation.policies import ModelPolicy, ShiftedPolicy, exchange
from wm_planner_sim.evaluation.shifts import SHIFTS, Shift
from wm_planner_sim.simulator import seeds
from wm_planner_sim.simulator.goals import Goal
from wm_planner_sim.simulator.simulation import Simulation

pytestmark = pytest.mark.sim
REACH = Setup("reach", model=embedded_model())
PAIRS = seeds.CALIBRATION[:3]


def test_pairs_in_a_batch_go_as_they_go_alone() -> None:
    together = run_batch(REACH, PAIRS)
    for seed, episode in zip(PAIRS, together, strict=True):
        (alone,) = run_batch(REACH, [seed])
        assert alone.ended
        assert episode.ended
        # Rounding differs between batches, and grows from plan to plan.
        np.testing.assert_allclose(alone.distances[:5], episode.distances[:5], atol=1e-3)
        np.testing.assert_allclose(alone.actions[0], episode.actions[0], atol=1e-3)
        assert np.ptp([alone.distances[-1], episode.distances[-1]]) < 5e-3


def test_an_episode_ends_at_the_model_s_tolerance_only_if_it_is_to() -> None:
    (ended,) = run_batch(REACH, PAIRS[:1])
    (whole,) = run_batch(Setup("reach", model=embedded_model(), ends=False), PAIRS[:1])
    assert ended.ended
    assert ended.success
    assert not whole.ended
    assert ended.steps < whole.steps == 40
    assert len(whole.distances) == len(whole.places) == len(whole.model_distances) == 41


def test_what_the_camera_saw_is_kept_of_missed_goals_only() -> None:
    hopeless = Setup("reach", model=embedded_model(), preset="random", record=True)
    missed, reached = (run_batch(setup, PAIRS[:1])[0] for setup in (hopeless, REACH))
    assert not missed.success
    assert len(missed.frames) == missed.steps + 1
    assert missed.frames[0].shape == (180, 240, 3)
    assert missed.goal_image is not None
    assert reached.frames == []
    assert reached.goal_image is None


def test_flop_are_those_of_encoding_and_plans_alone() -> None:
    counted = flop_per_episode(REACH, PAIRS[0])
    (episode,) = run_batch(REACH, PAIRS[:1])
    assert 0 < counted < 1e9 * episode.steps  # 300 x 5 rollouts of 5 steps of a small network
    assert flop_per_episode(replace(REACH, policy="oracle"), PAIRS[0]) < counted


def test_an_oracle_needs_a_latent_that_is_a_state() -> None:
    lewm = embedded_model().parent / "lewm_reach"
    with pytest.raises(ValueError, match="no oracle can plan"):
        run_batch(Setup("reach", "oracle", lewm), PAIRS[:1])


@pytest.mark.parametrize(
    "words",
    [["--first=99999", "--goals=5"], ["--first=-1"], ["--ros=-1"], ["--goals=0"], ["--horizon=-3"],
     ["--polices", "zero"], ["--history=real"]],
)  # fmt: skip
def test_impossible_arguments_are_refused(words: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main([*words, f"--output={tmp_path / 'reports'}"])
    assert ended.value.code == 2
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    "words", [["--device=nonsense"], ["--model=/nonexistent"], ["--preset=nonsense"]]
)
def test_what_only_the_model_or_the_planner_can_refuse_is_a_sentence(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--goals=1", "--ros=0", "--shifts", "--policies", "planner", "--processes=1"]
    with pytest.raises(SystemExit) as ended:
        program.main([*few, *words, f"--output={tmp_path}"])
    assert ended.value.code == 2
    assert re.search(r"^evaluate: .*non.*\n$", capsys.readouterr().err)


def test_the_model_of_another_task_is_refused() -> None:
    with pytest.raises(ValueError, match=r"franka_push are dx, dy; .* reach are dx, dy, dz"):
        run_batch(Setup("reach", model=embedded_model("push")), PAIRS[:1])


def test_a_policy_without_a_model_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a model"):
        make_policy(Setup("reach"), [], [], [], None)


@pytest.mark.parametrize("name", [name for name, shift in SHIFTS.items() if shift.scene])
def test_a_shift_of_the_scene_changes_the_image(name: str) -> None:
    images = []
    for shift in (SHIFTS["none"], SHIFTS[name]):
        with closing(Simulation(96, 128, seed=1, alter=shift.scene)) as simulation:
            images.append(simulation.render().astype(int))
    assert np.abs(images[0] - images[1]).max() > 20


def test_wrong_statistics_move_the_mean_by_half_a_deviation() -> None:
    spec = load(embedded_model(), "cpu").spec
    wrong = SHIFTS["statistics"].wrong_statistics(spec).statistics.action
    right = spec.statistics.action
    np.testing.assert_allclose(np.subtract(wrong.mean, right.mean), np.multiply(right.std, 0.5))
    assert wrong.std == right.std


class Watched(ModelPolicy):
    """A policy that notes what it is shown."""

    def __init__(self, image: np.ndarray) -> None:
        self.shown: list[np.ndarray] = []
        goal = Goal(image, np.zeros(3), np.zeros(4), np.zeros(3))
        super().__init__(load(embedded_model(), "cpu"), [goal], num_samples=8)

    def _encode(self, images: object, pasts: object = None) -> object:  # type: ignore[override]
        self.shown.append(images[0])  # type: ignore[index]
        return super()._encode(images, pasts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "shift", [Shift("", delay=1), Shift("", lost=3), Shift("", exchanged=True)]
)
def test_a_shifted_policy_sees_late_or_wrong_images_or_none(shift: Shift) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 72, 96, 3), np.uint8)
    watched = Watched(images[0])
    watched.shown.clear()
    policy = ShiftedPolicy(watched, shift)
    for image in images:
        assert policy.act([image]).shape == (1, 3)
    if shift.delay:
        expected = [images[0], *images[:4]]
    elif shift.lost:
        expected = [images[i] for i in (0, 1, 3, 4)]
    else:
        expected = [exchange(image) for image in images]
    np.testing.assert_array_equal(watched.shown, expected)


def test_a_lost_image_ends_no_episode() -> None:
    image = np.zeros((72, 96, 3), np.uint8)
    policy = ShiftedPolicy(Watched(image), Shift("", lost=2))
    assert policy.look([image])[0].distance == 0.0
    policy.act([image])
    assert np.isnan(policy.look([image])[0].distance)
    policy.act([image])
    assert policy.look([image])[0].distance == 0.0


def test_a_late_policy_measures_what_it_sees() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 72, 96, 3), np.uint8)
    watched = Watched(first)
    policy = ShiftedPolicy(watched, Shift("", delay=1))
    assert policy.look([first])[0].distance == 0.0
    policy.act([first])
    assert policy.look([second])[0].distance == 0.0
    policy.act([second])
    assert policy.look([first])[0].distance > 0.0


def test_the_program_writes_a_page_with_all_that_was_measured(tmp_path: Path) -> None:
    program.main(
        ["--goals=2", "--ros=0", "--policies", "planner", "random", "--shifts", "colors",
         "--shift-goals=2", "--processes=1", f"--output={tmp_path}"]
    )  # fmt: skip
    (page,) = tmp_path.rglob("evaluation.html")
    numbers = json.loads(page.with_name("evaluation.json").read_text())
    assert numbers["in_process"]["planner"]["successes"] == 2
    assert numbers["in_process"]["random"]["successes"] == 0
    assert numbers["tflop_of_first_episode"] > 0
    assert set(numbers["shifts"]) == {"none", "colors"}
    text = page.read_text()
    assert "planner, from images" in text
    assert "red and blue swapped" in text
    assert "The planner missed no goal" in text
    assert "http://" not in text.replace("http://www.w3.org", "")


@pytest.fixture(scope="module")
def goals() -> tuple[Goal, Goal]:
    """Two goals of reach, far apart."""
    with closing(Simulation(96, 128)) as simulation:
        one, two = (simulation.goal_image(at) for at in ([0.4, -0.1, 0.2], [0.6, 0.1, 0.3]))
    return one, two


def test_sub_goals_are_passed_in_their_order_and_the_goal_is_reached_last(
    goals: tuple[Goal, Goal],
) -> None:
    there, here = goals
    policy = ModelPolicy(load(embedded_model(), "cpu"), [there._replace(sub_goals=(here.image,))])
    before = policy.look([there.image])[0]
    assert (before.passed, before.reached) == (0, False)  # the goal does not count yet
    at = policy.look([here.image])[0]
    assert (at.passed, at.reached) == (1, False)
    assert at.distance == pytest.approx(before.distance, rel=1e-3)  # now to the goal
    after = policy.look([there.image])[0]
    assert (after.passed, after.reached) == (1, True)
    assert after.distance == pytest.approx(0.0, abs=1e-5)


def test_the_oracle_passes_sub_goals_by_the_true_state() -> None:
    setup = Setup("pick_place", "oracle", embedded_model("pick_place"))
    (episode,) = run_batch(setup, seeds.EVALUATION[:1])
    assert episode.passed[-1] > 0


def test_each_pair_of_a_batch_goes_by_its_own_sub_goals(goals: tuple[Goal, Goal]) -> None:
    there, here = goals
    one = there._replace(sub_goals=(here.image,))
    other = here._replace(sub_goals=(there.image,))
    policy = ModelPolicy(load(embedded_model(), "cpu"), [one, other, one])
    looks = policy.look([there.image, there.image, here.image])
    assert [look.passed for look in looks] == [0, 1, 1]
    away = [look.distance for look in looks]  # all three are at one of the two and go to the other
    assert away == pytest.approx([away[0]] * 3, rel=1e-3)
    assert away[0] > 0.5
    looks = policy.look([here.image] * 3)
    assert [look.passed for look in looks] == [1, 1, 1]
    assert [look.reached for look in looks] == [False, True, False]


def test_a_lost_image_forgets_no_sub_goal(goals: tuple[Goal, Goal]) -> None:
    there, here = goals
    model = load(embedded_model(), "cpu")
    way = there._replace(sub_goals=(here.image,))
    policy = ShiftedPolicy(ModelPolicy(model, [way], num_samples=8), Shift("", lost=2))
    assert policy.look([here.image])[0].passed == 1
    policy.act([here.image])
    lost = policy.look([here.image])[0]
    assert np.isnan(lost.distance)
    assert lost.passed == 1


def test_only_goals_that_end_or_have_sub_goals_need_a_calibration(goals: tuple[Goal, Goal]) -> None:
    there, here = goals
    model = load(embedded_model(), "cpu")
    model.spec = replace(model.spec, calibration=None)
    assert not ModelPolicy(model, [there], ends=False).look([there.image])[0].reached
    way = there._replace(sub_goals=(here.image,))
    for goal, ends in ((there, True), (way, False)):
        with pytest.raises(ValueError, match="calibration"):
            ModelPolicy(model, [goal], ends=ends)
