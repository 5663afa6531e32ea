"""``/diagnostics``: camera, pose, publishers of the inputs, planner, worker and commands."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from wm_planner.images import conversion_path
from wm_planner.ros.rates import Event, Latency, RateMonitor
from wm_planner.ros.snapshot import Snapshot
from wm_planner.text import one_line
from wm_planner.worker import Planned

VIEWS = "topics of all views"
"""Key of the camera part: the topics in the order of the model's views, for the cockpit."""


class Diagnostics:
    """Publishes the snapshot and the rates of the node.

    Args:
        node: Its name and clock are used.
        rates: The node's events and latencies.
    """

    def __init__(self, node: Node, rates: RateMonitor) -> None:
        self._node, self._rates = node, rates
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)

    def close(self) -> None:
        """Destroy the publisher."""
        self._node.destroy_publisher(self._publisher)

    def planned(self, plan: Planned, image_age: float) -> None:
        """Count a plan whose first command was just sent, at this age of its image [s]."""
        self._rates.event(Event.PLANS, time.monotonic())
        self._rates.sample(Latency.PLAN_TIME, plan.plan_time)
        self._rates.sample(Latency.TO_COMMAND, image_age)

    def commanded(self) -> None:
        """Count a command."""
        self._rates.event(Event.COMMANDS, time.monotonic())

    def publish(self, snapshot: Snapshot, state: str) -> None:
        """Publish a snapshot, and the message of ``~/status``."""
        # Without the leading slash, as in the diagnostics of other nodes.
        name = self._node.get_fully_qualified_name().lstrip("/")
        message = DiagnosticArray()
        message.header.stamp = self._node.get_clock().now().to_msg()
        parts = {
            "camera": self._camera(snapshot),
            "pose": part(self._figures(Event.POSES), errors=[snapshot.pose_problem]),
            "inputs": part({}, errors=snapshot.other_publishers, warnings=snapshot.not_allowed),
            "planner": self._planner(snapshot, state),
            "worker": _worker(snapshot),
            "commands": self._commands(snapshot),
        }
        for key, status in parts.items():
            status.name, status.hardware_id = f"{name}: {key}", name
        message.status = list(parts.values())
        self._publisher.publish(message)

    def _figures(self, *names: Event | Latency) -> Mapping[str, str]:
        return self._rates.figures(time.monotonic(), *names)

    def _camera(self, snapshot: Snapshot) -> DiagnosticStatus:
        camera = snapshot.camera
        sentences: dict[str, list[str]] = {"stop": [], "warn": []}
        for finding in camera.findings:
            sentences[finding.severity].append(finding.sentence)
        return part(
            {
                "topic": camera.topic,
                VIEWS: ", ".join(camera.topics),
                "images": camera.received,
                "dropped": camera.dropped,
                "conversion": conversion_path(),
                **self._figures(Event.IMAGES, Latency.TO_CALLBACK),
            },
            errors=[camera.problem, *sentences["stop"]],
            warnings=[*sentences["warn"], *camera.irregular],
        )

    def _planner(self, snapshot: Snapshot, state: str) -> DiagnosticStatus:
        figures = self._figures(Event.PLANS, Latency.PLAN_TIME)
        return part(
            {
                "state": state,
                "speed override [%]": snapshot.speed_override,
                "holds": snapshot.holds,
                **{f"late {what}": count.late for what, count in snapshot.late.items()},
                **{f"overdue {what}": count.overdue for what, count in snapshot.late.items()},
                **{
                    f"{what}, longest late [s]": f"{count.longest:.3f}"
                    for what, count in snapshot.late.items()
                },
                **figures,
            },
            errors=[snapshot.clock_problem],
            warnings=[snapshot.waiting],
        )

    def _commands(self, snapshot: Snapshot) -> DiagnosticStatus:
        commands = snapshot.commands
        return part(
            {
                "shadow": commands.shadow,
                "sent": commands.sent,
                "passed": commands.passed,
                "clamped": commands.clamped,
                "refused": commands.refused,
                "measured lag [s]": "unknown" if commands.lag is None else f"{commands.lag:.2f}",
                **{f"violated {k}": count for k, count in sorted(commands.violations.items())},
                **self._figures(Event.COMMANDS, Latency.TO_COMMAND),
            },
            warnings=commands.problems,
        )


def part(
    values: Mapping[str, Any], *, errors: Iterable[str] = (), warnings: Iterable[str] = ()
) -> DiagnosticStatus:
    """Return the status of one part of the node.

    Args:
        values: Figures to show.
        errors: Sentences that make the level ERROR; empty ones are left out.
        warnings: Sentences that make it at least WARN; empty ones are left out.
    """
    wrong, doubtful = list(filter(None, errors)), list(filter(None, warnings))
    level = DiagnosticStatus.OK
    if doubtful:
        level = DiagnosticStatus.WARN
    if wrong:
        level = DiagnosticStatus.ERROR
    return DiagnosticStatus(
        level=level,
        message=one_line(" ".join([*wrong, *doubtful])) or "ok",
        values=[KeyValue(key=key, value=one_line(str(value))) for key, value in values.items()],
    )


def _worker(snapshot: Snapshot) -> DiagnosticStatus:
    worker = snapshot.worker
    return part(
        {"state": worker.description or "not ready", "memory [MiB]": worker.memory >> 20},
        errors=[worker.problem],
        warnings=worker.warnings,
    )
