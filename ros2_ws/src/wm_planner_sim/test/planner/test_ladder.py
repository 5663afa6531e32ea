"""Over DDS: the steps from the simulator to a real arm."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, Vector3, Wrench, WrenchStamped
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner.control import ErrorCode
from wm_planner_sim.client.processes import ManagedProcess, start_planner
from wm_planner_sim.simulator import seeds

pytestmark = pytest.mark.dds
SEEDS = seeds.EVALUATION[9500:]
LONG = 600.0  # [s] a timeout that no test waits for


@contextmanager
def _planner(watch: Any, name: str, *parameters: str) -> Iterator[Any]:
    """A planner of its own beside that of the other tests, and a client of it."""
    with start_planner(*parameters, name=name) as _, watch(name) as client:
        client.wait_active()
        yield client


def test_in_shadow_mode_the_commands_are_shown_and_recorded_and_nothing_is_sent(
    simulator: ManagedProcess, patient: tuple[str, ...], watch: Any, tmp_path: Path
) -> None:
    path = tmp_path / "shadow.jsonl"
    parameters = (
        *patient,
        "commands.shadow:=true",
        f"commands.shadow_file:={path}",
        "safety.max_force:=20.0",
    )
    with _planner(watch, "shadow_planner", *parameters) as client:
        shown: list[PoseStamped] = []
        topic = "shadow_planner/shadow_command"
        client.create_subscription(PoseStamped, topic, shown.append, 100)
        infos = client.get_publishers_info_by_topic("/target_pose")
        assert "shadow_planner" not in {info.node_name for info in infos}
        handle = client.begin(SEEDS[0])
        client.settle()
        place = client.position
        operator = Operator(client)
        operator.force = 25.0
        operator.until(lambda: any(w.startswith("the force on") for w in client.status.warnings))
        shown.clear()
        operator.until(lambda: len(shown) > 50)
        operator.close()
        status = client.wait_status("shadow: pursuing a goal")
        assert status.shadow
        assert status.commands_sent > 0
        assert not any("subscribes" in text for text in status.warnings)
        np.testing.assert_allclose(client.position, place, atol=1e-3)
        assert client.commands == []
        client.ask(Trigger, "stop", Trigger.Request())
        assert client.result(handle).result.error_code == ErrorCode.STOPPED
    plans = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(plans) > 2
    assert all(np.linalg.norm(np.array(p["measured"][:3]) - place) < 0.01 for p in plans)
    assert any(len(p["commands"]) > 1 for p in plans)


class Operator:
    """Publishes the button and the wrench while the client waits, because a message can be lost."""

    def __init__(self, client: Any) -> None:
        self._client, self.force = client, 0.0
        self.pressed: bool | None = None  # None: the button is silent
        self._button = client.create_publisher(Bool, "enable", 1)
        self._wrench = client.create_publisher(WrenchStamped, "wrench", 10)

    def until(self, done: Callable[[], Any]) -> None:
        def publish_and_ask() -> Any:
            if self.pressed is not None:
                self._button.publish(Bool(data=self.pressed))
            self._push(self.force)
            return done()

        self._client.spin_until(publish_and_ask)

    def knock_until(self, force: float, done: Callable[[], Any]) -> None:
        """Measure a force in single messages, each followed by one without a force."""

        def knock_and_ask() -> Any:
            for value in (force, 0.0):
                self._push(value)
            return done()

        self.until(knock_and_ask)

    def _push(self, force: float) -> None:
        self._wrench.publish(WrenchStamped(wrench=Wrench(force=Vector3(z=force))))

    def close(self) -> None:
        for publisher in (self._button, self._wrench):
            self._client.destroy_publisher(publisher)


GUARDED = (
    "safety.enable_timeout:=1.0",
    "safety.max_force:=20.0",
    "safety.sensor_timeout:=10.0",
    "commands.other_publisher:=warn",  # the planner of other tests
)


def test_the_arm_moves_only_while_it_is_enabled_and_touches_nothing(
    simulator: ManagedProcess, patient: tuple[str, ...], watch: Any
) -> None:
    with _planner(watch, "guarded_planner", *patient, *GUARDED) as client:
        operator = Operator(client)
        _enable_and_touch(client, operator)
        operator.close()


def _enable_and_touch(client: Any, operator: Operator) -> None:
    steps: list[Any] = []
    client.reset(SEEDS[1])
    goal, _ = client.sample_goal(SEEDS[1])

    def request() -> Any:
        message = ReachGoal.Goal()
        message.goal.images, message.goal.tolerance = [goal], 1e-9
        return client.send(message, LONG, steps.append)

    def says(words: str) -> bool:
        return words in client.status.message

    assert not request().accepted, "without a wrench there is no contact stop"
    assert client.rejection.error_code == ErrorCode.CONTACT
    operator.until(lambda: not any(w.startswith("no usable") for w in client.status.warnings))
    handle = request()
    assert handle.accepted, client.rejection.message
    operator.until(lambda: says("nothing has arrived on /enable yet"))
    assert (client.status.state, client.status.error_code) == (
        PlanStatus.HOLDING,
        ErrorCode.NOT_ENABLED,
    )
    assert client.commands == []
    operator.pressed = False
    operator.until(lambda: says("the last message on /enable was false"))
    operator.pressed = True
    operator.until(lambda: steps and len(client.commands) > 10)
    operator.pressed = False
    operator.until(lambda: says("the last message on /enable was false"))
    operator.pressed = True
    before = len(steps)
    operator.until(lambda: len(steps) > before)
    operator.pressed = None
    operator.until(lambda: says("/enable has been silent for"))
    operator.pressed = True
    operator.until(lambda: says("pursuing a goal"))
    ended = handle.get_result_async()
    operator.knock_until(-25.0, ended.done)
    result = ended.result().result
    assert result.error_code == ErrorCode.CONTACT, result.error_msg
    assert "the force on /wrench is 25.0 N" in result.error_msg
    client.wait_held()
    operator.force = 25.0
    operator.until(lambda: any(w.startswith("the force on") for w in client.status.warnings))
    assert not request().accepted
    assert client.rejection.error_code == ErrorCode.CONTACT
