"""The gripper's commands arrive over DDS as its driver needs them, and its width is measured."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from rclpy.action import ActionServer
from rclpy.action.server import GoalResponse
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from wm_planner_msgs.action import ReachGoal

from wm_planner.config import CommandsConfig, ConfigError, GripperConfig, LimitsConfig
from wm_planner.models.spec import CommandMapping
from wm_planner.ros import gripper_output as outputs
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.gripper_input import GripperInput, measured_width
from wm_planner.ros.gripper_output import find_action, gripper_output
from wm_planner.types import Grip

FINGERS = ["panda_finger_joint1", "panda_finger_joint2"]
LIMITS = LimitsConfig(max_gripper_force=30.0, max_gripper_speed=0.1)
Nodes = tuple[Node, Node, Callable[..., None]]


@pytest.mark.parametrize(
    ("settings", "kind", "read"),
    [
        (
            {"type": "joint_state", "joints": FINGERS, "scale": 0.5},
            JointState,
            lambda m: (list(m.name), list(m.position)) == (FINGERS, [0.03, 0.03]),
        ),
        (
            {"type": "float64_multi_array", "scale": -9.4, "offset": 0.8},
            Float64MultiArray,
            lambda m: list(m.data) == pytest.approx([0.8 - 9.4 * 0.06]),
        ),
    ],
)
def test_a_topic_carries_the_width_as_positions(
    nodes: Nodes, settings: dict[str, Any], kind: type, read: Callable[[Any], bool]
) -> None:
    planner, arm, spin = nodes
    heard: list[Any] = []
    output = gripper_output(planner, GripperConfig(**settings), lambda: LIMITS)
    assert "nobody subscribes to" in output.problem
    arm.create_subscription(kind, "gripper_command", heard.append, QoSProfile(depth=10))
    spin(lambda: output.problem == "")

    def told() -> bool:
        output.send(Grip(width=0.06, target=0.01))
        return bool(heard)

    spin(told)
    assert read(heard[-1])
    output.close()


def fingers(*positions: float, names: list[str] = FINGERS) -> JointState:
    return JointState(name=names, position=positions)


def test_the_width_is_measured_by_the_fingers() -> None:
    config = GripperConfig(joints=FINGERS, scale=0.5)
    assert measured_width(fingers(0.03, 0.02), config) == pytest.approx(0.05)
    assert measured_width(fingers(0.3, names=["panda_joint1"]), config) is None
    knuckle = GripperConfig(joints=["knuckle"], scale=-9.4, offset=0.8)
    assert measured_width(fingers(0.33, names=["knuckle"]), knuckle) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (fingers(0.01, math.nan), "nan m wide"),
        (fingers(0.01, 1e300), "which cannot be: check gripper.scale"),
        (fingers(0.01), "2 names but 1 numbers"),
        (fingers(0.0, 0.0, names=FINGERS[:1] * 2), "more than once"),
        (fingers(*[0.0] * 9999, names=["joint"] * 9999), "9999 names"),
    ],
)
def test_a_message_without_a_width_is_refused(message: JointState, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        measured_width(message, GripperConfig(joints=FINGERS))


def test_bad_messages_do_not_hide_the_width(nodes: Nodes) -> None:
    planner, arm, spin = nodes
    widths: list[float] = []
    config = GripperConfig(joints=FINGERS, scale=0.5)
    measured = GripperInput(planner, config, lambda width, steady: widths.append(width))
    publisher = arm.create_publisher(JointState, "joint_states", 10)

    def told(message: JointState, done: Callable[[], bool]) -> bool:
        publisher.publish(message)
        return done()

    spin(lambda: told(fingers(math.nan, 0.0), lambda: "nan m wide" in measured.problem))
    assert widths == []
    spin(lambda: told(fingers(0.02, 0.02), lambda: bool(widths)))
    assert measured.problem == ""
    assert widths[0] == pytest.approx(0.04)


@pytest.mark.parametrize("kind", ["gripper_command", "parallel_gripper_command"])
def test_without_control_msgs_the_actions_are_refused(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named '{name}'")

    monkeypatch.setattr(outputs, "import_module", missing)
    with pytest.raises(ConfigError, match=r"control_msgs.*install it"):
        find_action(kind)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let another action stand in for ``gripper_command``; control_msgs is not among the wheels."""

    def fill(goal: Any, width: float, config: GripperConfig, limits: LimitsConfig) -> None:
        goal.goal.tolerance = width
        goal.timeout.sec = int(limits.max_gripper_force)

    monkeypatch.setattr(outputs, "find_action", lambda name: ReachGoal)
    monkeypatch.setitem(outputs.ACTIONS, "gripper_command", fill)


class Driver:
    """A gripper's driver with an action."""

    def __init__(self, node: Node, name: str = "gripper_command") -> None:
        self.goals: list[Any] = []
        self.done = 0
        self.accepts, self.aborts = True, False
        self._node, self._kind = node, outputs.find_action(name)
        self._server = ActionServer(
            node, self._kind, "gripper_command", self._execute, goal_callback=self._take
        )

    def _take(self, goal: Any) -> GoalResponse:
        self.goals.append(goal)
        return GoalResponse.ACCEPT if self.accepts else GoalResponse.REJECT

    def _execute(self, handle: Any) -> Any:
        handle.abort() if self.aborts else handle.succeed()
        self.done += 1
        return self._kind.Result()

    def close(self) -> None:
        self._server.destroy()


def action_config(kind: str, **settings: Any) -> GripperConfig:
    given = {"type": kind, "joints": ["finger"], "scale": 0.5, "force": 99.0, "period": 1e-3}
    return GripperConfig(**given | settings)


@pytest.mark.parametrize("kind", ["gripper_command", "parallel_gripper_command"])
def test_a_goal_has_position_speed_and_force(nodes: Nodes, kind: str) -> None:
    pytest.importorskip("control_msgs")
    planner, arm, spin = nodes
    driver, output = Driver(arm, kind), gripper_output(planner, action_config(kind), lambda: LIMITS)
    tell(output, 0.01, spin, lambda: driver.done == 1)
    goal = driver.goals[-1].command
    if kind == "gripper_command":
        assert (goal.position, goal.max_effort) == (0.005, 30.0)
    else:
        assert (list(goal.name), list(goal.position)) == (["finger"], [0.005])
        assert (list(goal.velocity), list(goal.effort)) == ([0.05], [30.0])
    output.close()
    driver.close()


def tell(output: Any, target: float, spin: Callable[..., None], done: Callable[[], bool]) -> None:
    """Command a width again and again, as the commander does, until a condition holds."""

    def told() -> bool:
        output.send(Grip(width=0.03, target=target))
        return done()

    spin(told)


class Hand:
    """An output with the driver that it commands."""

    def __init__(self, nodes: Nodes) -> None:
        planner, arm, self._spin = nodes
        self.driver, self.limits = Driver(arm), LIMITS
        config = action_config("gripper_command")
        self.output: Any = gripper_output(planner, config, lambda: self.limits)

    def tell(self, target: float, done: Callable[[], bool]) -> None:
        tell(self.output, target, self._spin, done)

    def insist(self, target: float) -> None:
        """Command a width 40 times more."""
        calls = iter(range(10**9))
        self.tell(target, lambda: next(calls) >= 40)

    @property
    def told(self) -> list[float]:
        return [goal.goal.tolerance for goal in self.driver.goals]


@pytest.fixture
def hand(nodes: Nodes, stand_in: None) -> Iterator[Hand]:
    hand = Hand(nodes)
    yield hand
    hand.output.close()
    hand.driver.close()


def test_a_goal_is_sent_once_for_a_width(hand: Hand) -> None:
    for target, count in ((0.06, 1), (0.0605, 1), (0.01, 2)):
        hand.tell(target, lambda count=count: hand.driver.done == count)
        hand.insist(target)
        assert hand.told == [0.06, 0.01][:count]


def test_changed_limits_count_for_the_next_goal(hand: Hand) -> None:
    hand.tell(0.06, lambda: hand.driver.done == 1)
    hand.limits = LimitsConfig(max_gripper_force=5.0)
    hand.tell(0.01, lambda: hand.driver.done == 2)
    assert [goal.timeout.sec for goal in hand.driver.goals] == [30, 5]


def test_a_rejected_goal_is_said_and_sent_again(hand: Hand) -> None:
    hand.driver.accepts = False
    hand.tell(0.01, lambda: "did not take a goal: it was rejected" in hand.output.problem)
    hand.tell(0.01, lambda: len(hand.told) > 2)
    hand.driver.accepts = True
    hand.tell(0.01, lambda: hand.driver.done == 1 and not hand.output.problem)


def test_the_answer_to_a_goal_that_was_replaced_says_nothing(hand: Hand) -> None:
    hand.tell(0.06, lambda: hand.driver.done == 1)
    hand.tell(0.01, lambda: hand.driver.done == 2 and not hand.output.problem)
    late: Future = Future()
    late.set_result(SimpleNamespace(accepted=False))
    hand.output._on_answer(1, late)
    assert hand.output.problem == ""
    hand.insist(0.01)
    assert hand.told == [0.06, 0.01]


def test_an_aborted_goal_is_said_once_and_not_sent_again(hand: Hand) -> None:
    """Drivers abort goals when the fingers meet an object, which they hold from then on."""
    hand.driver.aborts = True
    hand.tell(0.01, lambda: "aborted a goal" in hand.output.problem)
    hand.insist(0.01)
    assert hand.told == [0.01]
    hand.driver.aborts = False
    hand.tell(0.06, lambda: hand.driver.done == 2 and not hand.output.problem)


@pytest.mark.usefixtures("stand_in")
def test_a_missing_driver_is_said_and_one_that_comes_back_gets_the_goal(nodes: Nodes) -> None:
    planner, arm, spin = nodes
    output = gripper_output(planner, action_config("gripper_command"), lambda: LIMITS)
    output.send(Grip(width=0.03, target=0.01))
    assert "there is no action server" in output.problem
    for _ in range(2):  # a driver that was started again may have moved the fingers
        driver = Driver(arm)
        tell(output, 0.01, spin, lambda driver=driver: driver.done == 1)
        driver.close()
        tell(output, 0.01, spin, lambda: "there is no action server" in output.problem)
    output.close()


def test_arm_and_gripper_may_share_a_topic_but_with_nobody_else(nodes: Nodes) -> None:
    """Isaac Sim takes the joints of both on one topic."""
    planner, arm, spin = nodes
    topic = "joint_command"
    config = GripperConfig(type="joint_state", joints=FINGERS, topic=topic)
    commands = CommandsConfig(type="joint_state", topic=topic)
    joints = CommandMapping("relative", ["a"], ["a"])
    gripper = gripper_output(planner, config, lambda: LIMITS)
    output = CommandOutput(planner, commands, joints.joints, "base", 0.5, gripper=gripper)
    spin(lambda: planner.count_publishers(topic) == 2)
    assert output.other_publisher == ""
    arm.create_publisher(JointState, topic, 1)
    spin(lambda: "also publishes on" in output.other_publisher)
    output.close()
    gripper.close()


def test_another_publisher_of_the_gripper_s_topic_is_named(nodes: Nodes) -> None:
    planner, arm, spin = nodes
    gripper = gripper_output(planner, GripperConfig(type="float64_multi_array"), lambda: LIMITS)
    cartesian = CommandMapping("relative", ["x", "y", "z"])
    output = CommandOutput(
        planner, CommandsConfig(), cartesian.joints, "base", 0.5, gripper=gripper
    )
    assert output.other_publisher == ""
    arm.create_publisher(Float64MultiArray, "gripper_command", 1)
    spin(lambda: "also publishes on" in output.other_publisher)
    assert "gripper_command" in output.stops
    output.close()
    gripper.close()
