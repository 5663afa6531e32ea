"""An hour of simulated time with faults: camera, pose, simulator, worker, clock, goals, parameters.

Simulator, planner and this script run as separate processes over DDS; images, poses and the clock
pass through this script, which spoils them. After every goal the commands on the wire are checked.

python benchmarks/faults.py [--minutes 60] [--factor 4] [--goals 1000] [--seed 0]
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import math
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rclpy
from geometry_msgs.msg import PoseStamped
from loop import use_profile
from rcl_interfaces.srv import SetParameters
from rclpy.action import ActionClient
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import PlanStatus

from wm_planner.camera_contract.contract import MOVED
from wm_planner.control import ErrorCode
from wm_planner_sim import scene, seeds
from wm_planner_sim.calls import ClientError
from wm_planner_sim.client import Client
from wm_planner_sim.image_readers import dangerous, readers_of_images
from wm_planner_sim.partners import Partner, start_planner

TIMEOUT = 6.0  # [s] simulated, of a goal
PATIENCE = 60.0  # [s] wall time, until a goal without an end counts as lost
MAX_SPEED = 0.5  # [m/s] limits.max_speed
TICK = 0.02  # [s] of the simulated clock, and of commands.rate
HELD = 1e-5  # [m] a command that moves less holds
CAMERA_RATE = 33.0  # [Hz] images per second of wall time
RESTART = 0.5  # [s] a worker needs longer than that to load its model
REACTION = 0.2  # [s] until the arm is held


class Harness(Client):
    """A client through which images, poses and the clock pass."""

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[tuple[float, float, np.ndarray]] = []
        self.measured: list[tuple[float, np.ndarray]] = []
        self.spoil: Callable[[Image], Image | None] = lambda image: image
        self.spoil_pose: Callable[[PoseStamped], PoseStamped | None] = lambda pose: pose
        self.clock_offset = 0.0
        self.clock_runs = True
        self.sim_time = 0.0
        self.passes = [0.0]  # when images were passed on
        self.told: list[tuple[float, str]] = []  # the status' sentences, and when they came
        self._camera = self.create_publisher(Image, "spoiled", QoSProfile(depth=10))
        self._clock = self.create_publisher(Clock, "/clock", 10)
        self._pose = self.create_publisher(PoseStamped, "shifted_pose", 10)
        self.on_image = self._pass_on
        self.create_subscription(Clock, "/sim_clock", self._on_clock, 100)
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 1000)
        self.actions = ActionClient(self, ReachGoal, "wm_planner/reach_goal")

    def _on_clock(self, message: Clock) -> None:
        self.sim_time = message.clock.sec + 1e-9 * message.clock.nanosec
        if self.clock_runs:
            self._clock.publish(Clock(clock=self._shifted(message.clock)))

    def _shifted(self, stamp: Any) -> Any:
        nanoseconds = stamp.sec * 10**9 + stamp.nanosec + round(1e9 * self.clock_offset)
        return rclpy.time.Time(nanoseconds=max(nanoseconds, 0)).to_msg()

    def _pass_on(self, message: Image) -> None:
        message.header.stamp = self._shifted(message.header.stamp)
        if (spoiled := self.spoil(message)) is not None:
            self._camera.publish(spoiled)
            self.passes.append(time.time())

    def _on_command(self, message: PoseStamped, info: dict[str, Any]) -> None:
        p = message.pose.position
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        sent = info["source_timestamp"] * 1e-9  # this script may get it late
        self.commands.append((sent, stamp, np.array([p.x, p.y, p.z])))

    def _on_status(self, message: PlanStatus) -> None:
        super()._on_status(message)
        self.told.append((time.time(), message.message))

    def _on_pose(self, message: PoseStamped) -> None:
        super()._on_pose(message)
        self.measured.append((time.time(), self.position))
        message.header.stamp = self._shifted(message.header.stamp)
        if (spoiled := self.spoil_pose(message)) is not None:
            self._pose.publish(spoiled)

    def forget(self) -> None:
        """Begin a new record."""
        self.commands.clear()
        self.told.clear()
        del self.measured[:-1], self.passes[:-1]

    def flood(self, seconds: float) -> None:
        """The newest image two hundred times a second."""
        until = time.monotonic() + seconds
        image = self.image
        while time.monotonic() < until:
            if image is not None:
                self._camera.publish(image)
            self.spin_for(0.005)
            image = self.image

    def set(self, name: str, value: Any) -> bool:
        """Whether the planner took a parameter."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return bool(self._call(self._set_parameters, request).results[0].successful)


class Run:
    """Simulator, planner, harness, and what was seen."""

    def __init__(self, factor: float, seed: int) -> None:
        self.random = random.Random(seed)
        self.log = Path(tempfile.mkstemp(suffix=".log")[1])
        rclpy.init()
        self._factor = factor
        words = ["-p", "camera_width:=256", "-p", "camera_height:=192", "-r", "/clock:=/sim_clock"]
        words += ["-p", f"real_time_factor:={factor}", "-p", f"camera_rate:={CAMERA_RATE / factor}"]
        words += ["--log-level", "error"]
        self.simulator = Partner("wm_planner_sim.sim_node", ["--ros-args", *words])
        self.planner = start_planner(
            "session.progress_time:=0.0",
            image="spoiled",
            pose="shifted_pose",
            log_level="warn",
            output=self.log,
        )
        self.node, self.executor = Harness(), SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.node.wait_active()
        self.node.reset(0)
        self.outcomes: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.problems: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self.simulated = 0.0
        self.repeated = np.zeros(3)  # [m] the measured pose that repeats
        self.strays = [0.0]
        self.accepted = self.rejected = 0
        self.reactions: dict[str, list[float]] = collections.defaultdict(list)
        self.traces: list[str] = []  # of goals whose arm moved for too long

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self.planner.process.pid)

    @property
    def worker(self) -> psutil.Process | None:
        children = self.process.children()
        return children[0] if children else None

    def goal(self, fault: str) -> None:
        """One goal, with a fault on the way; it must end, and the arm must be held."""
        node, seed = self.node, seeds.EVALUATION[5000 + self.random.randrange(3000)]
        began = node.sim_time
        node.reset(seed)
        image, _ = node.sample_goal(seed)
        node.forget()
        # Too small to be reached before the fault comes.
        tolerance = 0.0 if fault == "none" else 1e-6
        handle = node.send(ReachGoal.Goal(image=image, tolerance=tolerance), TIMEOUT)
        if not handle.accepted:
            self.outcomes[fault]["rejected"] += 1
            self.problems.append(f"{fault}: rejected: {node.rejection and node.rejection.message}")
            return
        future = handle.get_result_async()
        node.spin_for(self.random.uniform(0.1, 0.6))
        undo = FAULTS[fault](self) if fault != "none" else None
        at = time.time()
        until = time.monotonic() + PATIENCE
        while not future.done() and time.monotonic() < until:
            node.spin_for(0.05)
        if fault == "simulator killed":
            at = max(at, node.passes[-1])  # its last images may have waited here
        if undo:
            undo()
        node.spin_for(0.2)
        if not future.done():
            self.problems.append(f"{fault}: a goal without an end")
            return
        code = ErrorCode(future.result().result.error_code)
        self.outcomes[fault][code.name] += 1
        if risk := dangerous(readers_of_images(node)):
            self.problems.append(f"{fault}: Fast DDS can hang in these readers of images: {risk}")
        self._check_commands(fault, at)
        self.simulated += max(node.sim_time - began, 0.0)

    def storm(self, goals: int) -> None:
        """Goals sent, canceled and preempted at random."""
        node = self.node
        image, _ = node.sample_goal(seeds.EVALUATION[4999])
        pending: list[Any] = []
        handles: list[Any] = []
        node.forget()
        began = node.sim_time
        for _ in range(goals):
            sent = node.actions.send_goal_async(ReachGoal.Goal(image=image, tolerance=1e-6))
            with contextlib.suppress(ClientError):
                node.spin_until(sent.done, PATIENCE)
            handle = sent.result() if sent.done() else None
            if handle is None or not handle.accepted:
                self.rejected += 1
                continue
            self.accepted += 1
            handles.append(handle)
            pending.append(handle.get_result_async())
            node.spin_for(self.random.choice([0.0, 0.01, 0.05, 0.2]))
            if self.random.random() < 0.4:
                self.random.choice(handles[-3:]).cancel_goal_async()
        if handles:
            handles[-1].cancel_goal_async()
        until = time.monotonic() + PATIENCE
        while not all(f.done() for f in pending) and time.monotonic() < until:
            node.spin_for(0.1)
        lost = sum(not f.done() for f in pending)
        if lost:
            self.problems.append(f"storm: {lost} of {len(pending)} goals without an end")
        for future in pending:
            if future.done():
                self.outcomes["storm"][ErrorCode(future.result().result.error_code).name] += 1
        self._check_commands("storm", None)
        self.simulated += max(node.sim_time - began, 0.0)

    def remember_memory(self) -> None:
        """Resident memory of the node and its worker [bytes]."""
        processes = [self.process, *self.process.children()]
        used = sum(p.memory_info().rss for p in processes if p.is_running())
        self.memory.append((self.simulated, used))

    def _check_commands(self, fault: str, at: float | None) -> None:
        """Inside the limits, without jumps; and when the arm was last moved after the fault."""
        if not self.node.commands:
            return
        times, stamps, positions = zip(*self.node.commands, strict=True)
        path = np.array(positions)
        moves = np.linalg.norm(np.diff(path, axis=0), axis=1)
        # An arm that stands a little outside is led back from there.
        outside, began = _outside(path), _outside(np.array([p for _, p in self.node.measured]))
        if not np.isfinite(path).all() or outside > began + 1e-6:
            self.problems.append(
                f"{fault}: a command {outside:.2e} m outside the workspace, the arm {began:.2e} m"
            )
        # Stamps are of the clock's ticks; a stop goes by the rate, as the clock may stand still.
        allowed = MAX_SPEED * (np.maximum(np.diff(stamps), 0) + 2 * TICK) * 1.01
        if (moves > allowed).any():
            worst = np.argmax(moves - allowed)
            self.problems.append(
                f"{fault}: a command moves {moves[worst]:.3f} m, allowed {allowed[worst]:.3f} m"
            )
        if at is not None and fault == "pose repeated":
            late = path[np.array(times) > at]
            stray = np.linalg.norm(late - self.repeated, axis=1).max(initial=0.0)
            self.strays.append(stray)
            if stray > STRAY:
                self.problems.append(f"{fault}: commanded {stray:.3f} m from the measured pose")
        if at is not None and fault == "camera frozen":
            at = self._moved_since(at)  # an arm that hardly moves proves nothing
        if at is not None and fault in STOPPING:
            moved = [t - at for t, move in zip(times[1:], moves, strict=True) if move > HELD]
            moved = [0.0, *(t for t in moved if t > 0)]
            rests = np.diff(moved) > RESTART
            # Once the worker is there again the goal goes on.
            last = np.argmax(rests) if fault.startswith("worker") and rests.any() else -1
            self.reactions[fault].append(moved[last])
            if moved[last] > STOPPING[fault]:
                self._trace(fault, at, zip(times[1:], 1e3 * moves, strict=True))

    def _moved_since(self, at: float) -> float:
        """When the arm was first measured further than ``MOVED`` from where it was at a time."""
        before = [p for t, p in self.node.measured if t <= at][-1]
        far = [t for t, p in self.node.measured if t > at and np.linalg.norm(p - before) > MOVED]
        return far[0] if far else math.inf

    def _trace(self, fault: str, at: float, moves: Iterable[tuple[float, float]]) -> None:
        """Keep what happened in a goal whose arm moved for too long."""
        commands = " ".join(f"{t - at:.2f}:{move:.2f}" for t, move in moves)
        images = " ".join(f"{t - at:.2f}" for t in self.node.passes)
        told = "\n".join(f"{t - at:.2f} {text}" for t, text in self.node.told)
        self.traces.append(
            f"{fault}, all in seconds after it (frozen: after the arm moved)\n"
            f"commands, and millimeters moved: {commands}\n"
            f"images passed on: {images}\nstatus:\n{told}"
        )


def _outside(positions: np.ndarray) -> float:
    """How far the furthest of some positions (n, 3) lies outside the workspace [m]."""
    lower, upper = np.array(scene.WORKSPACE_MIN), np.array(scene.WORKSPACE_MAX)
    return float(np.maximum(lower - positions, positions - upper).max(initial=0.0))


def _camera(spoil: Callable[[Image], Image | None]) -> Callable[[Run], Callable[[], None]]:
    def fault(run: Run) -> Callable[[], None]:
        run.node.spoil = spoil

        def undo() -> None:
            run.node.spoil = lambda image: image

        return undo

    return fault


def _frozen(run: Run) -> Callable[[], None]:
    kept = run.node.image

    def spoil(image: Image) -> Image:
        image.data = kept.data
        return image

    return _camera(spoil)(run)


def _pose_repeated(run: Run) -> Callable[[], None]:
    kept: list[Any] = []

    def spoil(message: PoseStamped) -> PoseStamped:
        kept.append(message.pose)
        message.pose = kept[0]
        p = message.pose.position
        run.repeated = np.array([p.x, p.y, p.z])
        return message

    return _pose(spoil)(run)


def _pose(
    spoil: Callable[[PoseStamped], PoseStamped | None],
) -> Callable[[Run], Callable[[], None]]:
    def fault(run: Run) -> Callable[[], None]:
        run.node.spoil_pose = spoil

        def undo() -> None:
            run.node.spoil_pose = lambda pose: pose

        return undo

    return fault


def _slow(run: Run) -> Callable[[], None]:
    count = iter(range(10**9))
    return _camera(lambda image: image if next(count) % 20 == 0 else None)(run)


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


def _kill(number: int) -> Callable[[Run], Callable[[], None]]:
    def fault(run: Run) -> Callable[[], None]:
        if (worker := run.worker) is not None:
            worker.send_signal(number)

        def undo() -> None:
            run.node.spin_for(0.5)
            run.node.wait_active()
            until = time.monotonic() + 60
            while time.monotonic() < until and "again" in (run.node.status.message or ""):
                run.node.spin_for(0.2)
            run.node.spin_for(8.0)  # the model is loaded again

        return undo

    return fault


def _restart_simulator(run: Run) -> Callable[[], None]:
    run.simulator.process.kill()
    run.simulator.process.wait()

    def undo() -> None:
        run.node.clock_offset = 0.0  # its clock begins at 0, and a stamp cannot lie before
        run.simulator.restart()
        run.node.image = None
        run.node.wait_active()

    return undo


def _jump(seconds: float) -> Callable[[Run], None]:
    def fault(run: Run) -> None:
        run.node.clock_offset += seconds

    return fault


def _stopped_clock(run: Run) -> Callable[[], None]:
    run.node.clock_runs = False

    def undo() -> None:
        run.node.clock_runs = True

    return undo


def _flood(run: Run) -> None:
    run.node.flood(3.0)


def _parameters(run: Run) -> None:
    """Random values, possible or not, for random settings; then back."""
    chosen = [
        ("session.timeout", [30.0, -1.0, 5.0]),
        ("session.tolerance_images", [2, 0, 3]),
        ("limits.max_speed", [0.5, 0.0, 0.3]),
        ("limits.workspace_min", [list(scene.WORKSPACE_MIN), [9.0, 9.0, 9.0], [1.0]]),
        ("planning.horizon", [5, 0, 7]),
        ("no.such", [1, "x"]),
        ("commands.rate", [50.0, 0.0, float("nan")]),
    ]
    for _ in range(10):
        name, values = run.random.choice(chosen)
        run.node.set(name, run.random.choice(values))
    for name, values in chosen[:3]:
        run.node.set(name, values[0])


FAULTS: dict[str, Callable[[Run], Callable[[], None] | None]] = {
    "camera stopped": _camera(lambda image: None),
    "camera slowed": _slow,
    "camera frozen": _frozen,
    "camera resized": _camera(_resized),
    "camera garbled": _camera(_garbled),
    "camera short": _camera(_short),
    "pose stopped": _pose(lambda pose: None),
    "pose repeated": _pose_repeated,
    "simulator killed": _restart_simulator,
    "worker SIGKILL": _kill(signal.SIGKILL),
    "worker SIGSTOP": _kill(signal.SIGSTOP),
    "clock back": _jump(-5.0),
    "clock forward": _jump(+5.0),
    "clock stopped": _stopped_clock,
    "image flood": _flood,
    "parameters": _parameters,
}
STOPPING = {
    "camera stopped": REACTION,
    "camera garbled": REACTION,
    "camera short": REACTION,
    "camera frozen": REACTION + 2 / CAMERA_RATE,  # one equal image is forgiven
    "pose stopped": REACTION,
    "simulator killed": REACTION,
    "worker SIGKILL": REACTION,
    "worker SIGSTOP": REACTION + 1 / CAMERA_RATE,  # it is noticed by the next plan
    "clock back": REACTION,
    "clock stopped": REACTION,
}
"""Faults that must stop the arm, and how soon [s, wall time]."""
STRAY = 0.1 + MAX_SPEED**2 / 20  # [m] from a pose that repeats: limits.max_lead, and a stop


def report(run: Run, wall: float) -> int:
    """Print what was seen; returns the exit code."""
    print(f"\nsimulated {run.simulated / 60:.1f} min in {wall / 60:.1f} min\n")
    print("| fault | goals | ended as | last move after the fault, worst [s] | allowed [s] |")
    print("|---|---|---|---|---|")
    for fault, counts in run.outcomes.items():
        ended = ", ".join(f"{name} {count}" for name, count in counts.most_common())
        worst = max(run.reactions.get(fault, [float("nan")]))
        allowed = STOPPING.get(fault, float("nan"))
        print(f"| {fault} | {counts.total()} | {ended} | {worst:.2f} | {allowed:.2f} |")
        if worst > allowed:
            run.problems.append(f"{fault}: the arm moved {worst:.2f} s after the fault")
    print(f"\ncommanded from a measured pose that repeats: at most {max(run.strays):.3f} m")
    print(f"storm: {run.accepted} goals accepted, {run.rejected} rejected")
    text = run.log.read_text(errors="replace")
    if "Traceback" in text:
        run.problems.append(f"an exception in the planner: see {run.log}")
    after = [used for simulated, used in run.memory if simulated > 0.1 * run.simulated]
    if after:
        growth = after[-1] / after[0] - 1
        print(f"memory: {after[0] / 2**20:.0f} MiB after a tenth, {growth:+.1%} at the end")
        if growth > 0.05:
            run.problems.append(f"memory grew by {growth:.1%}")
    print(*run.traces, sep="\n\n")
    for problem, count in collections.Counter(run.problems).items():
        print(f"PROBLEM ({count}x): {problem}")
    print("no problem" if not run.problems else f"{len(run.problems)} problems")
    return bool(run.problems)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="simulated")
    parser.add_argument("--factor", type=float, default=4.0, help="simulated over wall time")
    parser.add_argument("--goals", type=int, default=1000, help="of the storm")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    use_profile()
    run = Run(options.factor, options.seed)
    try:
        storms = 0
        while run.simulated < 60 * options.minutes:
            fault = run.random.choice([*FAULTS, "none", "none", "none"])
            run.goal(fault)
            run.remember_memory()
            if run.simulated > 6 * options.minutes * (storms + 0.5):
                storms += 1
                run.storm(options.goals // 10)
            print(f"\r{run.simulated / 60:5.1f} min, {fault:<20}", end="", file=sys.stderr)
    except KeyboardInterrupt:  # what has been seen by then is told
        print(file=sys.stderr)
    finally:
        run.planner.end()
        run.simulator.end()
    return report(run, time.monotonic() - began)


if __name__ == "__main__":
    raise SystemExit(main())
