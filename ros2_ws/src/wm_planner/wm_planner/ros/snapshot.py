"""What status and diagnostics report, taken from the configured planner at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wm_planner.camera_contract import Finding
from wm_planner.config import Config
from wm_planner.control import ControlLoop, LateCount
from wm_planner.models import ModelSpec
from wm_planner.ros.command_output import CommandOutput
from wm_planner.ros.inputs import Inputs
from wm_planner.ros.lag_log import LagLog
from wm_planner.worker import PlannerLink


@dataclass(frozen=True)
class CameraSnapshot:
    """The camera of the first view.

    Attributes:
        topic: Its full name.
        received: Images that arrived.
        dropped: Images that were stale or could not be decoded.
        problem: What is wrong with images, views or proprio, or an empty string.
        findings: What the camera contract found in the last observation.
        irregular: What is irregular about the images of all views although they can be used.
        topics: The full names of all views' topics, in the order of the model.
    """

    topic: str
    received: int
    dropped: int
    problem: str
    findings: tuple[Finding, ...]
    irregular: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True)
class WorkerSnapshot:
    """The worker.

    Attributes:
        description: Model, device and planner; empty if it is not ready.
        problem: Why it is not ready, or an empty string.
        warnings: Its warnings when it loaded the model.
        memory: Its resident memory [bytes].
    """

    description: str
    problem: str
    warnings: tuple[str, ...]
    memory: int


@dataclass(frozen=True)
class CommandSnapshot:
    """The commands.

    Attributes:
        sent: Commands sent.
        passed: Commands that the limits did not change.
        clamped: Commands that the limits changed.
        refused: Commands that were not sent.
        violations: Number of violations of each limit.
        problems: What is wrong with the commands or their topic.
        shadow: Whether they are only shown.
        lag: How late the arm was measured to follow them [s]; None if unknown.
    """

    sent: int
    passed: int
    clamped: int
    refused: int
    violations: Mapping[str, int]
    problems: tuple[str, ...]
    shadow: bool = False
    lag: float | None = None


@dataclass(frozen=True)
class Snapshot:
    """The configured planner.

    Attributes:
        camera: Images, views and proprio.
        pose_problem: What is wrong with the measured pose, or an empty string.
        worker: The worker.
        commands: The commands.
        clock_problem: What is wrong with ROS time, or an empty string.
        waiting: What the goal under way waits for while the arm holds, or an empty string.
        holds: How often the arm had to hold for an overdue event.
        late: How often images, measured poses and plans were late.
        speed_override: Share of the planned speed [%].
        action_frame: Frame of the actions.
        unverified_statistics: Whether the model's statistics have no provenance.
        other_publishers: Which inputs have a second publisher, as sentences.
        not_allowed: What speaks against moving the arm, as sentences.
    """

    camera: CameraSnapshot
    pose_problem: str
    worker: WorkerSnapshot
    commands: CommandSnapshot
    clock_problem: str
    waiting: str
    holds: int
    late: Mapping[str, LateCount]
    speed_override: float
    action_frame: str
    unverified_statistics: bool
    other_publishers: tuple[str, ...] = ()
    not_allowed: tuple[str, ...] = ()


def take_snapshot(
    config: Config,
    spec: ModelSpec,
    loop: ControlLoop,
    link: PlannerLink,
    inputs: Inputs,
    output: CommandOutput,
    lag: LagLog,
) -> Snapshot:
    """Return what the parts of the planner report now."""
    camera, commander, ready = inputs.camera, loop.commander, link.ready
    counters = commander.gate.counters
    return Snapshot(
        camera=CameraSnapshot(
            camera.topic,
            camera.received,
            camera.dropped,
            inputs.observer.problem,
            loop.contract.findings,
            tuple(
                text for text in (*inputs.observer.irregular, loop.requests.past.problem) if text
            ),
            inputs.observer.topics,
        ),
        pose_problem=inputs.pose.problem or loop.poses.problem,
        worker=WorkerSnapshot(
            ready.description if ready else "",
            "" if ready else link.problem,
            tuple(ready.warnings) if ready else (),
            link.memory,
        ),
        commands=CommandSnapshot(
            commander.sent,
            counters.passed,
            counters.clamped,
            counters.refused,
            dict(counters.limits),
            (*commander.problems, *output.problems),
            commander.shadow,
            lag.measured,
        ),
        clock_problem=loop.clock.problem,
        waiting=loop.waiting.message if loop.waiting else "",
        holds=loop.holding.count,
        late=loop.lateness.counts,
        speed_override=config.commands.speed_override,
        action_frame=spec.action.frame,
        unverified_statistics=bool(spec.statistics.problem()),
        other_publishers=tuple(inputs.other_publishers),
        not_allowed=tuple(inputs.not_allowed),
    )
