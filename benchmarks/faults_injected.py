"""The faults that ``faults.py`` injects, and what it allows after each."""

from __future__ import annotations

import contextlib
import copy
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from faults_hand import WORKSPACE
from faults_system import (
    CAMERA_RATE,
    ENABLE_TIMEOUT,
    JUMP,
    MAX_FORCE,
    SENSOR_TIMEOUT,
    System,
)
from geometry_msgs.msg import PoseStamped, WrenchStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import Bool
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

from wm_planner_sim.client.calls import ClientError

MAX_SPEED, ACCELERATION = 0.25, 1.5  # [m/s], [m/s^2] limits.max_speed, max_acceleration
# [s] until the arm is held: up to 0.2 s until something is late (2.5 times the interval of the
# images, on a busy machine), 0.2 s in which it slows (commands.blend), and 0.2 s for a stop.
REACTION = 0.6
STALL = 1.0  # [s] that the node may stand still after a reader's death (docs/how-to/middleware.md)
DISCOVERY = 0.5  # [s] until the planner sees another publisher in the graph
OVERSIZED = "x\n" * 50_000

Undo = Callable[[], None]
Fault = Callable[[System], Undo | None]


def _spoil(hook: str) -> Callable[[Callable[[Any], Any]], Callable[[System], Undo]]:
    """Return what makes faults of the messages that pass through an attribute of the harness."""

    def make(change: Callable[[Any], Any]) -> Callable[[System], Undo]:
        def fault(system: System) -> Undo:
            setattr(system.node, hook, change)
            return lambda: setattr(system.node, hook, lambda message: message)

        return fault

    return make


_camera, _pose, _clock = _spoil("spoil"), _spoil("spoil_pose"), _spoil("spoil_clock")
_joints = _spoil("spoil_joints")
_enable, _wrench = _spoil("spoil_enable"), _spoil("spoil_wrench")


def _frozen(system: System) -> Undo:
    kept = system.node.image

    def spoil(image: Image) -> Image:
        image.data = kept.data
        return image

    return _camera(spoil)(system)


def _pose_repeated(system: System) -> Undo:
    kept: list[Any] = []

    def spoil(message: PoseStamped) -> PoseStamped:
        kept.append(message.pose)
        message.pose = kept[0]
        p = message.pose.position
        system.repeated = np.array([p.x, p.y, p.z])
        return message

    return _pose(spoil)(system)


def _slow(system: System) -> Undo:
    count = iter(range(10**9))
    return _camera(lambda image: image if next(count) % 20 == 0 else None)(system)


def _resized(image: Image) -> Image:
    image.width //= 2
    image.step //= 2
    image.data = image.data[: image.step * image.height]
    return image


def _garbled(image: Image) -> Image:
    image.encoding = "rgb9"
    return image


def _short(image: Image) -> Image:
    image.data = image.data[:-7]
    return image


def _kill(number: int) -> Callable[[System], Undo]:
    def fault(system: System) -> Undo:
        if (worker := system.worker) is not None:
            worker.send_signal(number)

        def undo() -> None:
            system.node.spin_for(0.5)
            system.node.wait_active()
            until = time.monotonic() + 60
            while time.monotonic() < until and "again" in (system.node.status.message or ""):
                system.node.spin_for(0.2)
            system.node.spin_for(8.0)  # the model is loaded again

        return undo

    return fault


def _restart_simulator(system: System) -> Undo:
    system.simulator.process.kill()
    system.simulator.process.wait()

    def undo() -> None:
        system.node.clock_offset = 0.0  # a new simulator starts at 0, and stamps cannot be negative
        system.simulator.restart()
        system.node.image = None
        system.node.wait_active()
        system.node.spin_for(10 * DISCOVERY)  # until the simulator hears the planner

    return undo


def _jump(seconds: float) -> Fault:
    def fault(system: System) -> None:
        system.node.clock_offset += seconds

    return fault


def _stopped_clock(system: System) -> Undo:
    system.node.clock_runs = False

    def undo() -> None:
        system.node.clock_runs = True

    return undo


def _pose_turned(system: System) -> Undo:
    """Turn the hand once the arm is commanded: before, it would be where the goal starts."""
    with contextlib.suppress(ClientError):
        system.node.spin_until(lambda: bool(system.node.commands), 5.0)
    return _pose(_turned)(system)


def _turned(pose: PoseStamped) -> PoseStamped:
    """Turn the gripper by half a turn about its x axis."""
    q = pose.pose.orientation
    q.x, q.y, q.z, q.w = q.w, q.z, -q.y, -q.x
    return pose


def _twice(kind: Any, topic: str, relay: Any, change: Callable[[Any], Any]) -> Fault:
    """Return a fault: another node also publishes what the harness relays, after a change."""

    def fault(system: System) -> Undo:
        publisher = system.stranger.create_publisher(kind, topic, 10)

        def spoil(message: Any) -> Any:
            publisher.publish(change(copy.deepcopy(message)))
            return message

        restore = relay(spoil)(system)

        def undo() -> None:
            restore()
            system.stranger.destroy_publisher(publisher)
            system.node.spin_for(2 * DISCOVERY)

        return undo

    return fault


def _gaping(joints: JointState) -> JointState:
    joints.position[-1] = 10.0
    return joints


def _nan_width(joints: JointState) -> JointState:
    joints.position[-1] = float("nan")
    return joints


def _elsewhere(pose: PoseStamped) -> PoseStamped:
    pose.pose.position.y += 0.05
    return pose


def _released(message: Bool) -> Bool:
    message.data = False
    return message


def _pushed(newtons: float) -> Callable[[WrenchStamped], WrenchStamped]:
    def push(message: WrenchStamped) -> WrenchStamped:
        message.wrench.force.z = newtons
        return message

    return push


def _oversized_goal(system: System) -> None:
    goals = [Goal(name=OVERSIZED), Goal(file=OVERSIZED), Goal(images=[Image(encoding=OVERSIZED)])]
    for goal in goals:
        system.node.actions.send_goal_async(ReachGoal.Goal(goal=goal))


def _oversized_parameters(system: System) -> None:
    for name in ("goals.directory", "planning.preset", OVERSIZED):
        system.node.set(name, OVERSIZED)


def _oversized_frame(message: Any) -> Any:
    message.header.frame_id = OVERSIZED
    return message


def _oversized_encoding(image: Image) -> Image:
    image.encoding = OVERSIZED
    return image


def _flood(system: System) -> None:
    system.node.flood(3.0)


def _parameters(system: System) -> None:
    """Set random parameters to valid and invalid values, then restore the first three."""
    chosen = [
        ("session.timeout", [30.0, -1.0, 5.0]),
        ("session.tolerance_images", [2, 0, 3]),
        ("limits.max_speed", [MAX_SPEED, 0.0, 0.2]),
        ("limits.workspace_min", [WORKSPACE[0], [9.0, 9.0, 9.0], [1.0]]),
        ("planning.horizon", [5, 0, 7]),
        ("no.such", [1, "x"]),
        ("commands.rate", [50.0, 0.0, float("nan")]),
    ]
    for _ in range(10):
        name, values = system.random.choice(chosen)
        system.node.set(name, system.random.choice(values))
    for name, values in chosen[:3]:
        system.node.set(name, values[0])


FAULTS: dict[str, Fault] = {
    "camera stopped": _camera(lambda image: None),
    "camera slowed": _slow,
    "camera frozen": _frozen,
    "camera resized": _camera(_resized),
    "camera garbled": _camera(_garbled),
    "camera short": _camera(_short),
    "pose stopped": _pose(lambda pose: None),
    "pose repeated": _pose_repeated,
    "joints stopped": _joints(lambda joints: None),
    "width jumps": _joints(_gaping),
    "width not finite": _joints(_nan_width),
    "simulator killed": _restart_simulator,
    "worker SIGKILL": _kill(signal.SIGKILL),
    "worker SIGSTOP": _kill(signal.SIGSTOP),
    "clock back": _jump(-JUMP),
    "clock forward": _jump(+JUMP),
    "clock stopped": _stopped_clock,
    "image flood": _flood,
    "parameters": _parameters,
    "pose turned": _pose_turned,
    "camera twice": _twice(Image, "spoiled", _camera, lambda image: image),
    "pose twice": _twice(PoseStamped, "shifted_pose", _pose, lambda pose: pose),
    "pose twice, elsewhere": _twice(PoseStamped, "shifted_pose", _pose, _elsewhere),
    "joints twice": _twice(JointState, "shifted_joints", _joints, lambda joints: joints),
    "clock twice": _twice(Clock, "/clock", _clock, lambda clock: clock),
    "oversized goal": _oversized_goal,
    "oversized parameters": _oversized_parameters,
    "oversized camera frame": _camera(_oversized_frame),
    "oversized encoding": _camera(_oversized_encoding),
    "oversized pose frame": _pose(_oversized_frame),
    "oversized wrench frame": _wrench(_oversized_frame),
    "button released": _enable(_released),
    "button silent": _enable(lambda message: None),
    "button twice": _twice(Bool, "enable", _enable, lambda message: message),
    "contact": _wrench(_pushed(2 * MAX_FORCE)),
    "wrench not finite": _wrench(_pushed(float("nan"))),
    "wrench silent": _wrench(lambda message: None),
    "wrench twice": _twice(WrenchStamped, "wrench", _wrench, lambda message: message),
}
STOPPING = {
    "camera stopped": REACTION,
    "camera garbled": REACTION,
    "camera short": REACTION,
    "camera frozen": REACTION + 2 / CAMERA_RATE,  # one repeated image is allowed
    "pose stopped": REACTION,
    "joints stopped": REACTION,
    "width not finite": REACTION,
    "simulator killed": REACTION + STALL,
    "worker SIGKILL": REACTION,
    "worker SIGSTOP": REACTION + 1 / CAMERA_RATE,  # noticed when the next plan is due
    "clock back": REACTION,
    "clock stopped": REACTION,
    "pose turned": REACTION,
    "camera twice": REACTION + DISCOVERY,
    "pose twice": REACTION + DISCOVERY,
    "pose twice, elsewhere": REACTION + DISCOVERY,
    "clock twice": REACTION + DISCOVERY,
    "oversized encoding": REACTION,
    "oversized pose frame": REACTION,
    "button released": REACTION,
    "button silent": REACTION + ENABLE_TIMEOUT,
    "button twice": REACTION + DISCOVERY,
    "contact": REACTION,
    "wrench not finite": REACTION,
    "wrench silent": REACTION + SENSOR_TIMEOUT,
    "wrench twice": REACTION + DISCOVERY,
}
"""Faults that must stop the arm, and the time allowed [s, wall time]."""
# [m] from a repeated pose: limits.max_lead, a stop, and a period of commands in ROS time
STRAY = 0.1 + MAX_SPEED**2 / (2 * ACCELERATION) + MAX_SPEED * 0.08
