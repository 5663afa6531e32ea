"""Over DDS: a stranger publishes what only cameras, robot and simulator should."""

from __future__ import annotations

from typing import Any

import pytest
from geometry_msgs.msg import PoseStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner.control import ErrorCode
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[9000:]
LONG = 600.0  # [s] a timeout that no test waits for
INPUTS = {
    "camera": (Image, "rgb"),
    "pose": (PoseStamped, "current_pose"),
    "clock": (Clock, "/clock"),
}


def _wait_alone(client: Any) -> None:
    """Wait until the planner knows that no input has a second publisher any more."""

    def alone() -> bool:
        present = [text for text in client.status.warnings if not text.startswith("goal rejected")]
        return "more than one publisher" not in " ".join(present)

    client.spin_until(alone)


@pytest.mark.parametrize("name", INPUTS)
def test_a_second_publisher_of_an_input_ends_the_goal_and_is_named(client: Any, name: str) -> None:
    handle = client.begin(SEEDS[0])
    kind, topic = INPUTS[name]
    publisher = client.create_publisher(kind, topic, 10)
    try:
        answer = client.result(handle)
        assert answer.result.error_code == ErrorCode.INPUT_TOPIC, answer.result.error_msg
        for words in (f"/{topic.strip('/')} comes from", "/goal_client", "/sim"):
            assert words in answer.result.error_msg
        client.wait_held()
        assert not client.send(ReachGoal.Goal(), LONG).accepted
        assert client.rejection.error_code == ErrorCode.INPUT_TOPIC
    finally:
        client.destroy_publisher(publisher)
    _wait_alone(client)


def test_a_stranger_who_shows_the_goal_never_makes_it_reached(client: Any) -> None:
    client.reset(SEEDS[1])
    goal, position = client.sample_goal(SEEDS[1])
    assert client.distance(position) > 0.1
    steps: list[Any] = []
    handle = client.send(ReachGoal.Goal(goal=Goal(images=[goal])), LONG, steps.append)
    client.spin_until(lambda: steps)
    publisher = client.create_publisher(Image, "rgb", 10)
    ending = handle.get_result_async()

    def ended() -> bool:
        goal.header.stamp = client.image.header.stamp
        publisher.publish(goal)
        return ending.done()

    try:
        client.spin_until(ended)
    finally:
        client.destroy_publisher(publisher)
    _wait_alone(client)
    result = ending.result().result
    assert result.error_code in (ErrorCode.INPUT_TOPIC, ErrorCode.IMPLAUSIBLE), result.error_msg
    client.wait_held()
