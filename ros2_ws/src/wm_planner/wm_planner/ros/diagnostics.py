"""``/diagnostics``: the camera, the planner, its worker and the commands, once a second."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from wm_planner.images import conversion_path
from wm_planner.ros.monitor import Monitor
from wm_planner.worker import Planned

if TYPE_CHECKING:
    from wm_planner.ros.runtime import PlannerRuntime

IMAGES, POSES, PLANS, COMMANDS = "good images", "poses", "plans", "commands"
PLAN_TIME, TO_COMMAND = "plan time", "image stamp to command"
TO_CALLBACK = "image's publication to callback"


def make_monitor() -> Monitor:
    """A monitor of what the node does."""
    return Monitor((IMAGES, POSES, PLANS, COMMANDS), (PLAN_TIME, TO_COMMAND, TO_CALLBACK))


def part(
    name: str,
    values: Mapping[str, Any],
    *,
    errors: Sequence[str] = (),
    warnings: Sequence[str] = (),
) -> DiagnosticStatus:
    """The state of one part.

    Args:
        name: Node and part, ``wm_planner: camera``.
        values: Figures to show.
        errors: Sentences; any makes the level ERROR.
        warnings: Sentences; any makes it at least WARN.
    """
    level = DiagnosticStatus.OK
    if warnings:
        level = DiagnosticStatus.WARN
    if errors:
        level = DiagnosticStatus.ERROR
    return DiagnosticStatus(
        level=level,
        name=name,
        message=" ".join([*errors, *warnings]) or "ok",
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


class Diagnostics:
    """Publishes what the monitor and the parts of the node say.

    Args:
        node: Its name and clock are used.
        monitor: Made by ``make_monitor``.
    """

    def __init__(self, node: Node, monitor: Monitor) -> None:
        self._node, self._monitor = node, monitor
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._awaited: float | None = None  # [s] stamp of an image whose command is still to come

    def close(self) -> None:
        """Take the publisher away."""
        self._node.destroy_publisher(self._publisher)

    def planned(self, plan: Planned) -> None:
        """A plan is played from now on."""
        self._awaited = plan.stamp
        self._monitor.event(PLANS, time.monotonic())
        self._monitor.sample(PLAN_TIME, plan.plan_time)

    def commanded(self, now: float) -> None:
        """A command was sent at this ROS time [s]; the first of a plan ends an image's way."""
        self._monitor.event(COMMANDS, time.monotonic())
        if self._awaited is not None:
            self._monitor.sample(TO_COMMAND, now - self._awaited)
            self._awaited = None

    def publish(self, parts: PlannerRuntime, state: str) -> None:
        """Publish; ``state`` is the sentence of ``~/status``."""
        figures = self._monitor.values(time.monotonic())
        # Without the slash of the root, as other nodes name themselves there.
        name = self._node.get_fully_qualified_name().lstrip("/")
        message = DiagnosticArray(
            status=[
                _camera(f"{name}: camera", parts, _of(figures, IMAGES, TO_CALLBACK)),
                part(
                    f"{name}: pose",
                    _of(figures, POSES),
                    errors=[problem] if (problem := parts.inputs.pose.problem) else [],
                ),
                part(
                    f"{name}: planner",
                    {"state": state, "holds": parts.loop.holds, **_of(figures, PLANS, PLAN_TIME)},
                    errors=[parts.loop.clock_problem] if parts.loop.clock_problem else [],
                    warnings=[parts.loop.waiting.message] if parts.loop.waiting else [],
                ),
                _worker(f"{name}: worker", parts),
                _commands(f"{name}: commands", parts, _of(figures, COMMANDS, TO_COMMAND)),
            ]
        )
        for status in message.status:
            status.hardware_id = name
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)


def _of(figures: Mapping[str, str], *names: str) -> dict[str, str]:
    """The monitor's figures of these names."""
    return {key: value for key, value in figures.items() if key.startswith(names)}


def _camera(name: str, parts: PlannerRuntime, figures: Mapping[str, str]) -> DiagnosticStatus:
    camera, findings = parts.inputs.camera, parts.inputs.contract.findings
    stops = [finding.sentence for finding in findings if finding.severity == "stop"]
    return part(
        name,
        {
            "topic": camera.topic,
            "images": camera.received,
            "dropped": camera.dropped,
            "conversion": conversion_path(),
            **figures,
        },
        errors=[*([problem] if (problem := parts.inputs.observer.problem) else []), *stops],
        warnings=[finding.sentence for finding in findings if finding.severity == "warn"],
    )


def _worker(name: str, parts: PlannerRuntime) -> DiagnosticStatus:
    ready = parts.link.ready
    return part(
        name,
        {
            "state": ready.description if ready else "not up",
            "memory [MiB]": parts.link.memory >> 20,
        },
        errors=[] if ready else [parts.link.problem],
        warnings=ready.warnings if ready else [],
    )


def _commands(name: str, parts: PlannerRuntime, figures: Mapping[str, str]) -> DiagnosticStatus:
    counters = parts.loop.commander.gate.counters
    return part(
        name,
        {
            "sent": parts.loop.commander.sent,
            "passed": counters.passed,
            "clamped": counters.clamped,
            "refused": counters.refused,
            **{f"broke {limit}": count for limit, count in sorted(counters.limits.items())},
            **figures,
        },
        warnings=parts.commands.problems,
    )
