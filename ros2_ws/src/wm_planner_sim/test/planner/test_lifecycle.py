"""The lifecycle, driven by the standard services only, as nav2's lifecycle manager does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner_sim.client.processes import ManagedProcess, embedded_model, start_planner
from wm_planner_sim.simulator import seeds

pytestmark = [pytest.mark.dds, pytest.mark.slow]
MODEL = embedded_model()
SEED = seeds.EVALUATION[6000]
CONFIGURE, CLEANUP = Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_CLEANUP
ACTIVATE, DEACTIVATE = Transition.TRANSITION_ACTIVATE, Transition.TRANSITION_DEACTIVATE


@pytest.fixture(scope="module")
def managed(
    simulator: ManagedProcess, watch: Any, patient: tuple[str, ...]
) -> Iterator[tuple[Any, psutil.Process]]:
    """A client of a planner without autostart, and the planner's process."""
    planner = start_planner(
        *patient,
        "autostart:=false",
        "commands.other_publisher:=warn",  # the planner of the other tests
        name="managed_planner",
        log_level="fatal",
    )
    with planner, watch("managed_planner") as node:
        node.caller(ChangeState, "change_state")  # created early, so that DDS matches it in time
        yield node, psutil.Process(planner.process.pid)


def _change(client: Any, transition: int) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return bool(client.ask(ChangeState, "change_state", request, again=False).success)


def _state(client: Any) -> int:
    return int(client.ask(GetState, "get_state", GetState.Request()).current_state.id)


def _held_by(process: psutil.Process) -> tuple[int, int, int]:
    """Return the numbers of file descriptors, threads and children of a process."""
    return process.num_fds(), process.num_threads(), len(process.children())


def test_without_autostart_the_planner_stays_unconfigured(
    managed: tuple[Any, psutil.Process],
) -> None:
    client, process = managed
    assert _state(client) == State.PRIMARY_STATE_UNCONFIGURED
    assert process.children() == []


def test_a_hundred_failed_configurations_report_why_and_leak_nothing(
    managed: tuple[Any, psutil.Process], tmp_path: Path
) -> None:
    client, process = managed

    def set_model(directory: Path) -> Any:
        parameter = Parameter("model.directory", value=str(directory)).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return client.ask(SetParameters, "set_parameters", request).results[0]

    assert set_model(tmp_path / "nowhere").successful
    for round_ in range(100):
        assert not _change(client, CONFIGURE)
        if round_ == 0:
            before = _held_by(process)
    assert _state(client) == State.PRIMARY_STATE_UNCONFIGURED
    assert client.status.message.startswith("not configured:")
    assert str(tmp_path / "nowhere") in client.status.message
    assert _held_by(process) == before
    late: list[PlanStatus] = []  # a reader who does not ask for the last message
    reader = client.create_subscription(PlanStatus, "managed_planner/status", late.append, 10)
    client.spin_until(lambda: late)
    client.destroy_subscription(reader)
    assert str(tmp_path / "nowhere") in late[0].message
    assert set_model(MODEL).successful


def test_a_configuration_that_fails_late_closes_what_it_had_opened(
    managed: tuple[Any, psutil.Process],
) -> None:
    client, _ = managed

    def set_topic(name: str) -> None:
        parameter = Parameter("commands.topic", value=name).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        assert client.ask(SetParameters, "set_parameters", request).results[0].successful

    def cameras() -> int:
        readers = client.get_subscriptions_info_by_topic("/rgb")
        return sum(reader.node_name == "managed_planner" for reader in readers)

    set_topic("no topic!")
    assert not _change(client, CONFIGURE)
    assert "no topic!" in client.status.message
    client.spin_until(lambda: cameras() == 0)
    set_topic("command")


def test_configuring_and_cleaning_up_again_leaks_nothing(
    managed: tuple[Any, psutil.Process],
) -> None:
    client, process = managed
    after = []
    for _ in range(5):
        assert _change(client, CONFIGURE)
        assert _state(client) == State.PRIMARY_STATE_INACTIVE
        assert len(process.children()) == 1, "the worker"
        assert _change(client, CLEANUP)
        assert _state(client) == State.PRIMARY_STATE_UNCONFIGURED
        client.spin_until(lambda: not process.children())
        after.append(_held_by(process))
    # The threads that served the worker end shortly after it.
    client.spin_until(lambda: all(a <= b for a, b in zip(_held_by(process), after[1], strict=True)))


def test_activating_a_hundred_times_leaves_a_planner_that_reaches_its_goal(
    managed: tuple[Any, psutil.Process],
) -> None:
    client, process = managed
    assert _change(client, CONFIGURE)
    for round_ in range(100):
        assert _change(client, ACTIVATE)
        assert _state(client) == State.PRIMARY_STATE_ACTIVE
        assert _change(client, DEACTIVATE)
        assert _state(client) == State.PRIMARY_STATE_INACTIVE
        if round_ == 0:
            before = _held_by(process)
    assert _held_by(process) == before
    assert _change(client, ACTIVATE)
    client.reset(SEED)
    goal, position = client.sample_goal(SEED)
    assert client.reach(SEED, goal, position, 600.0).error_code == ReachGoal.Result.NONE


def test_a_shutdown_from_active_ends_the_process_cleanly(
    managed: tuple[Any, psutil.Process],
) -> None:
    client, process = managed
    assert _state(client) == State.PRIMARY_STATE_ACTIVE
    assert _change(client, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert _state(client) == State.PRIMARY_STATE_FINALIZED
    assert process.wait(60) == 0
