"""Goals over DDS: by name, from a file, the current image, and sub-goals."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from lifecycle_msgs.srv import GetState
from reached import NEAR
from sensor_msgs.msg import CompressedImage, Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus
from wm_planner_msgs.srv import ListGoals, SaveGoal

from wm_planner.control import ErrorCode
from wm_planner.text import MAX_SENTENCE
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[4000:]
ENOUGH = 60.0  # [s] simulated, many times what a goal takes


def _pursue(client: Any, goal: Any) -> tuple[Any, list[Any]]:
    """Pursue a goal; return its result and its feedback."""
    steps: list[Any] = []
    handle = client.send(goal, ENOUGH, lambda message: steps.append(message.feedback))
    assert handle.accepted, client.rejection.message
    answer = client.result(handle)
    client.settle()
    return answer.result, steps


def _png(image: Image) -> np.ndarray:
    pixels = np.frombuffer(image.data, np.uint8).reshape(image.height, image.width, 3)
    return cv2.imencode(".png", pixels[..., ::-1])[1]


@pytest.fixture
def library(client: Any, goal_folder: Path) -> Path:
    client.caller(SaveGoal, "save_goal")  # created early, so that DDS has matched it when used
    for file in goal_folder.iterdir():
        file.unlink()
    return goal_folder


def test_the_arm_returns_to_a_goal_saved_from_the_camera(client: Any, library: Path) -> None:
    client.reset(SEEDS[0])
    start = client.position.copy()
    client.spin_until(lambda: client.status.inputs_ready)
    saved = client.ask(SaveGoal, "save_goal", SaveGoal.Request(name="start"), again=False)
    assert saved.success, saved.message
    assert (library / "start.png").is_file()
    goal, position = client.sample_goal(SEEDS[0])
    result, _ = _pursue(client, ReachGoal.Goal(goal=Goal(images=[goal])))
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert client.distance(position) < NEAR < client.distance(start)
    result, _ = _pursue(client, ReachGoal.Goal(goal=Goal(name="start")))
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert client.distance(start) < NEAR


def test_a_given_image_is_saved_and_listed_and_not_overwritten_by_default(
    client: Any, library: Path
) -> None:
    goal, _ = client.sample_goal(SEEDS[1])
    compressed = CompressedImage(format="png", data=_png(goal).tobytes())
    for request in (
        SaveGoal.Request(name="a", goal=Goal(images=[goal])),
        SaveGoal.Request(name="b", goal=Goal(compressed_images=[compressed])),
    ):
        assert client.ask(SaveGoal, "save_goal", request, again=False).success
    listed = client.ask(ListGoals, "list_goals", ListGoals.Request())
    assert (listed.success, list(listed.names)) == (True, ["a", "b"])
    assert str(library) in listed.message
    first = (library / "a.png").read_bytes()
    refused = client.ask(SaveGoal, "save_goal", SaveGoal.Request(name="a"))
    assert (refused.success, refused.error_code) == (False, ErrorCode.INVALID_GOAL)
    assert "overwrite" in refused.message
    assert (library / "a.png").read_bytes() == first
    replacing = SaveGoal.Request(name="a", overwrite=True)
    assert client.ask(SaveGoal, "save_goal", replacing).success
    assert (library / "a.png").read_bytes() != first


def test_a_file_on_the_planner_s_machine_is_a_goal(client: Any, tmp_path: Path) -> None:
    client.reset(SEEDS[2])
    goal, position = client.sample_goal(SEEDS[2])
    file = tmp_path / "goal.png"
    file.write_bytes(_png(goal).tobytes())
    result, _ = _pursue(client, ReachGoal.Goal(goal=Goal(file=str(file))))
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert client.distance(position) < NEAR
    assert not client.send(
        ReachGoal.Goal(goal=Goal(file=str(tmp_path / "away.png"))), ENOUGH
    ).accepted
    assert client.rejection.error_code == ErrorCode.INVALID_GOAL


@pytest.mark.parametrize("field", ["name", "file"])
def test_a_long_text_in_mid_goal_is_rejected_in_a_short_line_and_the_goal_goes_on(
    client: Any, field: str
) -> None:
    client.reset(SEEDS[1])
    # The arm rests: while the node converts the message, on a busy machine long, it commands none.
    handle = client.send(ReachGoal.Goal(goal=Goal(current=True, tolerance=1e-9)), ENOUGH)
    assert handle.accepted, client.rejection.message
    hostile = Goal(**{field: "a\n[INFO] [1.0] [arm]: all is well" + "x" * 10**7})
    assert not client.send(ReachGoal.Goal(goal=hostile), ENOUGH).accepted
    assert client.rejection.error_code == ErrorCode.INVALID_GOAL
    assert f"the goal's {field} has 10000" in client.rejection.message
    assert len(client.rejection.message) <= MAX_SENTENCE
    hostile = Goal(**{field: "a\n[INFO] [1.0] [arm]: all is well"})
    assert not client.send(ReachGoal.Goal(goal=hostile), ENOUGH).accepted
    assert client.rejection.message.isprintable()
    client.cancel(handle)
    assert client.result(handle).result.error_code == ErrorCode.CANCELED


@pytest.mark.parametrize(
    ("file", "said"),
    [("/" + "a" * 4000, "cannot be read"), ("~nosuchuser/x.png", "there is no file '~nosuchuser")],
    ids=["long", "no such user"],
)
def test_an_impossible_file_name_is_rejected(client: Any, file: str, said: str) -> None:
    assert not client.send(ReachGoal.Goal(goal=Goal(file=file)), ENOUGH).accepted
    assert client.rejection.error_code == ErrorCode.INVALID_GOAL
    assert said in client.rejection.message


def test_a_goal_that_cannot_be_stored_is_reported(client: Any, library: Path) -> None:
    (library / "home.png").write_text("of another program")
    request = SaveGoal.Request(name="home", overwrite=True)
    answer = client.ask(SaveGoal, "save_goal", request)
    assert (answer.success, answer.error_code) == (False, ErrorCode.INVALID_GOAL)
    assert "home.png was not stored by save_goal, so it is not replaced" in answer.message
    assert (library / "home.png").read_text() == "of another program"


def test_a_pipe_with_the_name_of_an_image_is_refused_and_delays_no_other_goal(
    client: Any, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "goal.png")
    for file in (str(tmp_path / "goal.png"), "/dev/zero", "/proc/self/environ"):
        assert not client.send(ReachGoal.Goal(goal=Goal(file=file)), ENOUGH).accepted
        assert client.rejection.error_code == ErrorCode.INVALID_GOAL
    assert "its size is not what the file system says" in client.rejection.message
    client.cancel(client.begin(SEEDS[6]))


def test_a_request_with_large_images_does_not_delay_the_current_goal(
    client: Any, tmp_path: Path
) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(cv2.imencode(".png", np.zeros((7000, 7000, 3), np.uint8))[1].tobytes())
    handle = client.begin(SEEDS[9])
    sub_goals = [Goal(file=str(large))] * 3  # seconds of reading
    other = ReachGoal.Goal(goal=Goal(file=str(tmp_path / "away.png")), sub_goals=sub_goals)
    sent = client._reach.send_goal_async(other)
    answered = 0
    client.ask(GetState, "get_state", GetState.Request())  # from then on, DDS has matched both ends
    caller = client.caller(GetState, "get_state")
    while not sent.done():
        answer = caller.call_async(GetState.Request())
        client.spin_until(lambda: answer.done() or sent.done())  # noqa: B023
        answered += answer.done()
    assert not sent.result().accepted
    assert answered > 3, "the node answered nothing while it read"
    assert client.status.state in (PlanStatus.ACTIVE, PlanStatus.HOLDING)
    client.cancel(handle)
    assert client.result(handle).result.error_code == ErrorCode.CANCELED


def test_the_current_image_is_reached_where_the_arm_is(client: Any) -> None:
    client.reset(SEEDS[3])
    at = client.position.copy()
    result, steps = _pursue(client, ReachGoal.Goal(goal=Goal(current=True)))
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert steps[0].distance < 0.05
    assert client.distance(at) < NEAR


def test_sub_goals_are_passed_in_order_on_the_way_to_the_goal(client: Any) -> None:
    client.reset(SEEDS[4])
    images = [client.sample_goal(SEEDS[4 + i]) for i in range(3)]
    sub_goals = [Goal(images=[image]) for image, _ in images[:2]]
    nearest = [np.inf] * 3
    steps: list[Any] = []

    def on_step(message: Any) -> None:
        steps.append(message.feedback)

    handle = client.send(
        ReachGoal.Goal(goal=Goal(images=[images[2][0]]), sub_goals=sub_goals), ENOUGH, on_step
    )
    assert handle.accepted, client.rejection.message
    ending = handle.get_result_async()

    def ended() -> bool:
        if steps:
            index = steps[-1].goal_index
            nearest[index] = min(nearest[index], client.distance(images[index][1]))
        return bool(ending.done())

    client.spin_until(ended)
    result = ending.result().result
    client.settle()
    assert result.error_code == ErrorCode.NONE, result.error_msg
    assert result.goals_reached == 3
    indices = [step.goal_index for step in steps]
    assert indices == sorted(indices)
    assert set(indices) == {0, 1, 2}
    assert {step.goal_count for step in steps} == {3}
    assert max(nearest) < 2 * NEAR
    assert client.distance(images[2][1]) < NEAR


def test_a_bad_sub_goal_is_rejected_by_its_number(client: Any) -> None:
    goal, _ = client.sample_goal(SEEDS[8])
    sub_goals = [Goal(images=[goal]), Goal()]
    assert not client.send(
        ReachGoal.Goal(goal=Goal(images=[goal]), sub_goals=sub_goals), ENOUGH
    ).accepted
    assert client.rejection.error_code == ErrorCode.INVALID_GOAL
    assert "the sub-goal 1 must be given in one way" in client.rejection.message
    many = [Goal(current=True)] * 17
    assert not client.send(
        ReachGoal.Goal(goal=Goal(images=[goal]), sub_goals=many), ENOUGH
    ).accepted
    assert "at most 16" in client.rejection.message
    assert client.commands == []
