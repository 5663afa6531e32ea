"""A second publisher of an input is found and named; a restarted one is none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool, Float64, Float64MultiArray

from wm_planner.config import Config, SafetyConfig
from wm_planner.control import ErrorCode, Refused
from wm_planner.control.permission import ContactStop, Permission
from wm_planner.models import ModelSpec
from wm_planner.models.spec import ProprioSpec
from wm_planner.ros import publishers
from wm_planner.ros.commanded_joints import JointInput
from wm_planner.ros.contact_inputs import ContactInputs
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.publishers import ALIVE, LEASE, LOSS, MEMORY, PublisherWatch, Senders
from wm_planner.ros.rates import RateMonitor
from wm_planner.types import Observation, Pose

pytestmark = pytest.mark.dds
PERIOD = 0.02  # [s] between the messages of a publisher


def several(numbers: Iterable[int | None], period: float = PERIOD) -> bool:
    """Return whether a record of sequence numbers shows two publishers."""
    senders, steady = Senders(), 100.0
    found = False
    for number in numbers:
        steady += period
        senders.heard(number, steady)
        found = found or senders.several(steady)
    return found


def mixed(first: Iterable[int], second: Iterable[int], seed: int = 0) -> list[int]:
    """Return two records in a random order that keeps the order of each."""
    records = [list(first), list(second)]
    random = np.random.default_rng(seed)
    out = []
    while any(records):
        chosen = records[random.integers(2)] or records[0] or records[1]
        out.append(chosen.pop(0))
    return out


@pytest.mark.parametrize("lost", [0.0, 0.3, 0.9])
def test_one_publisher_is_one_whatever_is_lost(lost: float) -> None:
    random = np.random.default_rng(0)
    assert not several(n for n in range(1, 2000) if random.random() >= lost)
    assert not several([*range(1, 50), *range(50 + 10 * LOSS, 700 + 10 * LOSS)]), "a pause"


def test_a_publisher_that_is_started_again_and_again_is_one() -> None:
    assert not several(n for start in range(5) for n in range(1, 300 * (start + 1)))


@pytest.mark.parametrize("start", [1, 2, 30, 5000])
@pytest.mark.parametrize("seed", range(5))
def test_two_publishers_in_turn_are_two(start: int, seed: int) -> None:
    assert several(mixed(range(1, 200), range(start, start + 50), seed))


def test_two_publishers_in_lockstep_are_two() -> None:
    assert several(n for n in range(1, 20) for _ in range(2))


def test_a_single_message_of_a_stranger_is_enough() -> None:
    assert several([*range(1, 100), 7, *range(100, 110)])


def test_two_slow_publishers_are_two() -> None:
    assert several(mixed(range(1, 20), range(1, 20)), period=0.45 * ALIVE)


def test_a_message_without_a_number_proves_nothing() -> None:
    assert not several([None, 3, None, 4, None])


def test_two_publishers_are_forgotten_after_a_while() -> None:
    senders = Senders()
    for i, number in enumerate((10, 3, 11)):
        senders.heard(number, 100.0 + i * PERIOD)
    assert senders.several(100.0 + MEMORY)
    assert not senders.several(101.0 + MEMORY)


class World:
    """A planner that listens to a topic, and nodes that publish on it."""

    def __init__(self, make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> None:
        self.space = f"/publishers_{os.getpid()}"
        self._make, self._executor = make_node, executor
        self.planner = self.node("planner")
        self.watch = PublisherWatch(self.planner, f"{self.space}/number")
        self.planner.create_subscription(
            Float64, "number", lambda message, info: self.watch.heard(info), 10
        )

    def node(self, name: str) -> Node:
        node = self._make(name, namespace=self.space)
        self._executor.add_node(node)
        return node

    def publisher(self, name: str) -> Any:
        return self.node(name).create_publisher(Float64, "number", 10)

    def known(self, count: int) -> bool:
        return self.planner.count_publishers("number") == count


@pytest.fixture
def world(make_node: Callable[..., Node], executor: SingleThreadedExecutor) -> World:
    return World(make_node, executor)


def test_a_publisher_of_another_node_is_named_at_once(
    world: World, spin_until: Callable[..., None]
) -> None:
    world.publisher("driver")
    spin_until(lambda: world.known(1))
    assert world.watch.problem == ""
    world.publisher("stranger")
    spin_until(lambda: world.watch.problem != "")
    for words in (f"{world.space}/number comes", f"{world.space}/driver, {world.space}/stranger"):
        assert words in world.watch.problem


def test_two_publishers_of_the_same_name_count_when_both_are_heard(
    world: World, spin_until: Callable[..., None]
) -> None:
    second_node = world.node("driver")
    first, second = world.publisher("driver"), second_node.create_publisher(Float64, "number", 10)
    spin_until(lambda: world.known(2) and first.get_subscription_count() == 1)
    spin_until(lambda: second.get_subscription_count() == 1)
    assert world.watch.problem == "", "one of the two may have been killed"

    def speak() -> bool:
        for publisher in (first, second):
            publisher.publish(Float64())
        return world.watch.problem != ""

    spin_until(speak)
    assert f"two publishers of the name {world.space}/driver" in world.watch.problem
    second_node.destroy_publisher(second)
    spin_until(lambda: world.known(1) and world.watch.problem == "")
    world.publisher("driver")  # as after a restart of the driver
    spin_until(lambda: world.known(2))
    assert world.watch.problem == "", "the first pair is past"


@pytest.fixture
def other_process() -> Iterator[Context]:
    """A participant of DDS of its own, as another process has."""
    context = Context()
    context.init()
    yield context
    context.try_shutdown()


def test_two_publishers_of_the_same_name_that_stay_are_two_though_nobody_hears_them(
    world: World,
    spin_until: Callable[..., None],
    clock_of: Callable[..., Any],
    other_process: Context,
) -> None:
    clock = clock_of(publishers)
    world.publisher("driver")
    same, second = (
        world.node("driver"),
        Node("driver", namespace=world.space, context=other_process),
    )
    extra = same.create_publisher(Float64, "number", 10)
    spin_until(lambda: world.known(2))
    clock.now += 2 * LEASE
    assert world.watch.problem == "", "both are of one process"
    clock.now += 2 * LEASE
    assert world.watch.problem == ""
    same.destroy_publisher(extra)
    spin_until(lambda: world.known(1) and world.watch.problem == "")
    extra = second.create_publisher(Float64, "number", 10)
    spin_until(lambda: world.known(2))
    assert world.watch.problem == ""
    clock.now += LEASE - 1.0
    assert world.watch.problem == "", "one of the two may have been killed"
    clock.now += 1.0
    assert f"two publishers of the name {world.space}/driver" in world.watch.problem
    second.destroy_publisher(extra)
    spin_until(lambda: world.watch.problem == "")
    second.create_publisher(Float64, "number", 10)
    spin_until(lambda: world.known(2))
    assert world.watch.problem == "", "a new one"
    second.destroy_node()


class Listener:
    """Takes what the inputs perceive."""

    def on_pose(self, pose: Pose) -> None:
        pass

    def on_observation(self, observation: Observation) -> None:
        pass

    def on_contact(self, why: str) -> None:
        pass


TOPICS = {
    "front": Image,
    "wrist": Image,
    "current_pose": PoseStamped,
    "proprio": Float64MultiArray,
    "/clock": Clock,
    "enable": Bool,
    "wrench": WrenchStamped,
}


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("setting", ["stop", "warn"])
def test_every_input_is_watched(
    make_node: Callable[..., Node],
    spin_until: Callable[..., None],
    spec: ModelSpec,
    topic: str,
    setting: str,
) -> None:
    sim_time = Parameter("use_sim_time", value=True)
    node = make_node("planner", parameter_overrides=[sim_time])
    spec.views = ["front", "wrist"]
    spec.proprio = ProprioSpec(["a"], ["m"])
    config = Config()
    config.proprio.source, config.inputs.other_publisher = "topic", setting
    assert spec.action.command
    config.safety.enable_timeout = config.safety.max_force = 1.0
    permission, rates = Permission.of(config, spec), RateMonitor()
    inputs = Inputs(node, config, spec, spec.action.command, permission, rates, Listener())
    make_node("driver").create_publisher(TOPICS[topic], topic, 10)
    spin_until(lambda: node.count_publishers(topic) == 1)
    assert inputs.other_publishers == []
    inputs.latest()
    make_node("stranger").create_publisher(TOPICS[topic], topic, 10)
    spin_until(lambda: inputs.other_publishers != [])
    (sentence,) = inputs.other_publishers
    assert "/driver, /stranger" in sentence
    assert inputs.stops == (sentence if setting == "stop" else "")
    if setting == "stop":
        with pytest.raises(Refused, match="/stranger") as caught:
            inputs.latest()  # for a goal or a stored goal of what the camera sees now
        assert caught.value.status.code is ErrorCode.INPUT_TOPIC
    inputs.close()


@pytest.fixture
def arm_and_gripper(make_node: Callable[..., Node], spin_until: Callable[..., None]) -> Node:
    """A planner whose joint states come from the nodes arm and gripper."""
    node = make_node("planner", namespace=f"/joints_{os.getpid()}")
    for name in ("arm", "gripper"):
        make_node(name, namespace=node.get_namespace()).create_publisher(
            JointState, "joint_states", 10
        )
    spin_until(lambda: node.count_publishers("joint_states") == 2)
    return node


@pytest.fixture
def joints(arm_and_gripper: Node) -> JointInput:
    return JointInput(arm_and_gripper, ["a", "b"], 1.0, lambda pose: None)


def _take(joints: JointInput, number: int, names: list[str]) -> None:
    message = JointState(name=names, position=[0.0] * len(names))
    joints._on_message(message, {"publication_sequence_number": number})


def test_joint_states_of_arm_and_gripper_may_have_two_publishers(joints: JointInput) -> None:
    for number in range(1, 20):
        _take(joints, number, ["a", "b"])
        _take(joints, 3 * number, ["finger"])
    assert joints.publishers.problem == ""


def test_two_publishers_of_a_commanded_joint_are_found(joints: JointInput) -> None:
    for number in range(1, 20):
        _take(joints, number, ["a", "b"])
        _take(joints, 3 * number, ["finger", "b"])
    problem = joints.publishers.problem
    assert problem.startswith("b on /joints_")
    assert "/arm, " in problem
    assert "/gripper)" in problem


@pytest.mark.parametrize(("other", "found"), [("b", False), ("a", True)])
def test_two_publishers_of_an_effort_are_found(
    arm_and_gripper: Node, other: str, found: bool
) -> None:
    contact = ContactStop(SafetyConfig(max_effort=5.0), ["a", "b"])
    inputs = ContactInputs(arm_and_gripper, contact, 1.0, lambda why: None)
    for number in range(1, 20):
        for count, name in ((number, "a"), (3 * number, other)):
            message = JointState(name=[name, "finger"], effort=[0.0, 0.0])
            inputs._on_joints(message, {"publication_sequence_number": count})
    assert (inputs.publishers["joint_states"].problem != "") is found


def test_the_middleware_numbers_the_messages_of_each_publisher(
    world: World, spin_until: Callable[..., None]
) -> None:
    heard: list[int] = []
    world.planner.create_subscription(
        Float64,
        "counted",
        lambda message, info: heard.append(info["publication_sequence_number"]),
        10,
    )
    publisher = world.node("driver").create_publisher(Float64, "counted", 10)
    spin_until(lambda: publisher.get_subscription_count() == 1)

    def speak() -> bool:
        publisher.publish(Float64())
        return len(heard) >= 3

    spin_until(speak)
    assert (np.diff(heard) >= 1).all()
