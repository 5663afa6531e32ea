"""The system that ``wire_fuzz.py`` tests, and the requests that it sends."""

from __future__ import annotations

import collections
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rclpy
from geometry_msgs.msg import PoseStamped
from rcl_interfaces.msg import Parameter as ParameterMessage
from rcl_interfaces.msg import ParameterType
from rcl_interfaces.srv import GetParameters, ListParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import parameter_value_to_python
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger
from wire_fuzz_checks import ACCELERATION, Commands, States
from wire_fuzz_requests import Filler, accepted, service_type
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal, PlanStatus

from wm_planner.config import Config, leaves
from wm_planner.control import ErrorCode
from wm_planner_sim.client.client import Client
from wm_planner_sim.client.processes import start_planner, start_simulator
from wm_planner_sim.simulator import seeds

NODE = "wm_planner"
IN_FLIGHT = 8  # requests at once
PACE = 0.02  # [s] between requests, in which the arm moves on
PATIENCE = 30.0  # [s] without an answer, after which a request counts as lost
SMALL = 0.75  # part of the requests after which all are small: DDS keeps buffers for large ones
SHUTDOWN = {4, 5, 6, 7}  # deactivate and shut down: who may change the state may end the goal
WEIGHTS = {
    "reach_goal/_action/send_goal": 8.0,
    "set_parameters": 4.0,
    "set_parameters_atomically": 4.0,
    "stop": 0.05,  # else the arm would hardly move
    "reach_goal/_action/cancel_goal": 0.2,
}
STRANGERS = (
    (Image, "rgb"),
    (CompressedImage, "rgb/compressed"),
    (PoseStamped, "current_pose"),
    (JointState, "joint_states"),
    (Float64MultiArray, "proprio"),
)


class Recorder(Client):
    """A client that keeps a goal under way, and records commands, poses and states."""

    def __init__(self) -> None:
        super().__init__(NODE)
        self.commands: Commands = []
        self.widths: list[tuple[float, float, float]] = []  # the gripper is not commanded
        self.measured: list[tuple[float, np.ndarray]] = []
        self.states: States = []
        self.ended: collections.Counter[str] = collections.Counter()
        self.goal: Any = None
        self._sent: Any = None
        self._result: Any = None
        self._release = self.create_client(Trigger, f"{NODE}/release")
        self.create_subscription(PoseStamped, "target_pose", self._on_command, 1000)
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(PlanStatus, f"{NODE}/status", self._on_state, latched)

    def keep_going(self) -> None:
        """Send the goal again if it has ended or was rejected; release a stop."""
        if self._result is not None and self._result.done():
            self.ended[ErrorCode(self._result.result().result.error_code).name] += 1
            self._result = self._sent = None
        if self._sent is None:
            self._release.call_async(Trigger.Request())
            goal = ReachGoal.Goal(goal=Goal(images=[self.goal], tolerance=1e-9))
            goal.timeout.sec = 600
            self._sent = self._reach.send_goal_async(goal)
            self._began = time.monotonic()
        elif self._result is None and self._sent.done():
            if self._sent.result().accepted:
                self._result = self._sent.result().get_result_async()
            else:
                self.ended["rejected"] += 1
                self._sent = None
        elif self._result is None and time.monotonic() - self._began > PATIENCE:
            self.ended["no answer"] += 1
            self._sent = None

    def forget(self) -> None:
        """Expect no more of a planner that is gone."""
        self._sent = self._result = None

    def _on_command(self, message: PoseStamped, info: dict[str, Any]) -> None:
        p, q = message.pose.position, message.pose.orientation
        stamp = message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
        sent = info["source_timestamp"] * 1e-9  # this process may receive it late
        pose = np.array([p.x, p.y, p.z, q.x, q.y, q.z, q.w])
        self.commands.append((sent, stamp, pose))

    def _on_state(self, message: PlanStatus, info: dict[str, Any]) -> None:
        self.states.append((info["source_timestamp"] * 1e-9, message.state))

    def _on_pose(self, message: PoseStamped) -> None:
        super()._on_pose(message)
        if not self.measured:  # only the first counts: an arm that began outside
            self.measured.append((time.time(), self.position))


class Fuzz:
    """The processes, the requests in flight, and what was found.

    Args:
        options: Options of the command line.
    """

    def __init__(self, options: Any) -> None:
        self.options = options
        self.filler = Filler(options.seed, options.largest * 10**6)
        self.problems: list[str] = []
        self.answers: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )
        self.memory: list[int] = []
        self.deaths = 0
        self.log = Path(tempfile.mkstemp(suffix=".log")[1])
        self._goals = tempfile.mkdtemp()
        self._in_flight: list[tuple[Any, Any, str, float]] = []
        rclpy.init()
        self.simulator = start_simulator(
            "system_time:=true", "camera_width:=160", "camera_height:=120", log_level="warn"
        )
        self._start_planner()
        self.node, self.executor = Recorder(), SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self._connect()

    def _start_planner(self) -> None:
        settings = [
            "use_sim_time:=false",
            "session.progress_time:=0.0",
            f"limits.max_acceleration:={ACCELERATION}",
            f"goals.directory:={self._goals}",
        ]
        if "limits.locked" in {leaf.name for leaf in leaves(Config())}:
            settings.append("limits.locked:=true")
        self.planner = start_planner(*settings, log_level="info", output=self.log)

    def _connect(self) -> None:
        """Wait for the planner, and find what it offers."""
        node = self.node
        node.wait_active()
        if node.goal is None:
            node.reset(seeds.EVALUATION[5000])
            node.goal, _ = node.sample_goal(seeds.EVALUATION[5000])
        offered = node.get_service_names_and_types_by_node(NODE, "/")
        self.clients = [
            (name.removeprefix(f"/{NODE}/"), node.create_client(service_type(types[0]), name))
            for name, types in offered
        ]
        answer = node._call(node.create_client(ListParameters, f"{NODE}/list_parameters"),
                            ListParameters.Request())  # fmt: skip
        self.names = list(answer.result.names)
        self.limits = self.read_limits()
        self.streams = [
            (node.create_publisher(kind, topic, 10), kind)
            for kind, topic in (STRANGERS if self.options.strangers else ())
        ]

    def read_limits(self) -> dict[str, Any]:
        """Return the limits that the planner has now, as texts."""
        names = [name for name in self.names if name.startswith("limits.")]
        client = self.node.create_client(GetParameters, f"{NODE}/get_parameters")
        values = {}
        for name in names:  # one that is not set would empty the answer to a common request
            answer = self.node._call(client, GetParameters.Request(names=[name]))
            values[name] = [str(parameter_value_to_python(v)) for v in answer.values]
        self.node.destroy_client(client)
        return values

    def run(self) -> None:
        """Send all requests."""
        process = psutil.Process(self.planner.process.pid)
        for number in range(self.options.count):
            if number > SMALL * self.options.count:
                self.filler.largest = 300
            self.node.keep_going()
            self._send()
            while len(self._in_flight) >= IN_FLIGHT:
                self.executor.spin_once(timeout_sec=0.05)
                self._collect()
            self.node.spin_for(PACE)
            self._collect()
            if self.planner.process.poll() is not None:
                self._mourn(number)
                process = psutil.Process(self.planner.process.pid)
            if number % 100 == 0 and process.is_running():
                self.memory.append(process.memory_info().rss)
                print(f"\r{number} ", end="", flush=True)
        until = time.monotonic() + PATIENCE
        while self._in_flight and time.monotonic() < until:
            self.node.keep_going()
            self.executor.spin_once(timeout_sec=0.05)
            self._collect()
        self.memory.append(process.memory_info().rss)

    def _send(self) -> None:
        choices = self.filler.random
        if self.streams and choices.random() < 0.3:
            publisher, kind = choices.choice(self.streams)
            publisher.publish(self.filler.fill(kind()))
        name, client = choices.choices(
            self.clients, [WEIGHTS.get(n, 1.0) for n, _ in self.clients]
        )[0]
        request = self._request(name, client.srv_type.Request())
        self._in_flight.append((client, client.call_async(request), name, time.monotonic()))

    def _request(self, name: str, request: Any) -> Any:
        choices, filler = self.filler.random, self.filler
        if choices.random() < 0.02:  # as it is, without a value
            return request
        if not name.endswith(("change_state", "send_goal")) or choices.random() < 0.5:
            filler.fill(request)
        if name == "change_state":
            request.transition.id = choices.choice(sorted(set(range(256)) - SHUTDOWN))
            request.transition.label = filler.text()
        if name.endswith("send_goal") and not request.goal.goal.images:
            # Only one field is wrong, so that it is not hidden by the others.
            request.goal_id.uuid = list(choices.randbytes(16))
            goal = request.goal.goal
            field, type_ = choices.choice([*goal.get_fields_and_field_types().items()])
            if choices.random() < 0.5 or field == "images":
                goal.images = [self.node.goal]
            if field != "images":
                setattr(goal, field, filler.value(type_))
        for parameter in getattr(request, "parameters", []):
            self._spoil(parameter)
        if hasattr(request, "names") and choices.random() < 0.7:
            request.names = choices.choices(self.names, k=choices.choice((1, 3, 1000)))
        return request

    def _spoil(self, parameter: ParameterMessage) -> None:
        choices, filler = self.filler.random, self.filler
        if choices.random() < 0.7:
            parameter.name = choices.choice(self.names)
        if choices.random() < 0.3:
            parameter.name = choices.choice([n for n in self.names if n.startswith("limits.")])
        if choices.random() < 0.3:
            parameter.value.type = ParameterType.PARAMETER_DOUBLE
            parameter.value.double_value = float(10 ** choices.uniform(-3, 3))
        if parameter.name == "goals.directory":  # nothing is stored outside
            parameter.value.string_value = f"{self._goals}/{filler.size()}"

    def _collect(self) -> None:
        left = []
        for client, future, name, since in self._in_flight:
            if future.done():
                self.answers[name][accepted(future.result())] += 1
            elif time.monotonic() - since > PATIENCE:
                client.remove_pending_request(future)
                self.answers[name]["no answer"] += 1
            else:
                left.append((client, future, name, since))
        self._in_flight = left

    def _mourn(self, number: int) -> None:
        """Report the end of the planner, and start another."""
        self.deaths += 1
        asked = ", ".join(sorted({name for _, _, name, _ in self._in_flight}))
        code = self.planner.process.returncode
        self.problems.append(
            f"the planner ended with code {code} after {number} requests; under way: {asked}"
        )
        if self.deaths > 20:
            raise SystemExit("the planner ended too often")
        self._in_flight.clear()
        self.node.forget()
        for _, client in self.clients:
            self.node.destroy_client(client)
        self._start_planner()
        self._connect()

    def end(self) -> None:
        """End planner and simulator."""
        self.planner.end()
        self.simulator.end()
