"""The cockpit's ROS 2 node, and the thread that spins it."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from typing import Any

from rcl_interfaces.msg import IntegerRange, ParameterDescriptor
from rclpy.clock import Clock, ClockType
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from wm_planner.cockpit.arm_view import ArmView
from wm_planner.cockpit.calls import PlannerCalls
from wm_planner.cockpit.camera_pose import CameraPose
from wm_planner.cockpit.enabling_button import EnablingButton
from wm_planner.cockpit.feed import Feeds
from wm_planner.cockpit.inputs import CockpitInputs
from wm_planner.cockpit.known import Known
from wm_planner.message_limits import MAX_NAME
from wm_planner.ros import log

WATCH_PERIOD = 0.25  # [s]


class CockpitNode(Node):
    """Reads the planner's topics, and carries the requests to it.

    Attributes:
        planner: Full name of the planner's node.
        known: What the planner has said.
        feeds: Images of ``camera``, ``imagined`` and ``goal``.
        calls: Requests to the planner.
        button: The enabling button; None if there is none.
        host: Address at which the page is served.
        port: Port of it; 0: any that is free.
        allowed_hosts: Further host names under which the page may be opened.
        require_token: Whether a token is asked for also if only this machine reaches the page.
        open_browser: Whether to open the page in this machine's browser.
        camera_pose: Where the first camera is.
        arm: Where the arm's links are.

    Raises:
        ValueError: A parameter has an impossible value.
    """

    def __init__(self) -> None:
        super().__init__("wm_planner_cockpit")
        name = str(self._fixed("planner", "wm_planner", "Name of the planner's node."))
        if not 0 < len(name) <= MAX_NAME:
            raise ValueError("planner must be the name of the planner's node")
        self.planner = self._full_name(name)
        self.host = str(self._fixed("host", "127.0.0.1", "Address at which the page is served."))
        ports = [IntegerRange(from_value=0, to_value=65535, step=1)]
        self.port = int(
            self._fixed("port", 8050, "Port of the page; 0: any free one.", integer_range=ports)
        )
        names: Sequence[str] = self._fixed(
            "allowed_hosts", [""], "Further host names under which the page may be opened."
        )
        self.allowed_hosts = [name.lower().rstrip(".") for name in names if name]
        self.camera_pose = CameraPose(
            self,
            self._fixed(
                "camera_pose",
                [0.0],
                "Pose of the camera's optical frame in the frame of the actions: x, y, z [m], "
                "quaternion x, y, z, w. With it the plan is drawn into the image. [0.0]: by TF.",
            ),
        )
        self.open_browser = bool(
            self._fixed("open_browser", False, "Open the page in this machine's browser.")
        )
        self.require_token = bool(
            self._fixed(
                "require_token",
                False,
                "Ask for a token also at 127.0.0.1, as behind a proxy; elsewhere it always is.",
            )
        )
        self.known = Known(self.planner)
        self.feeds = Feeds("camera", "imagined", "goal")
        self.calls = PlannerCalls(self, self.planner, self.known)
        self.inputs = CockpitInputs(self, self.planner, self.known, self.feeds)
        urdf, base, tip = (
            str(self._fixed(name, "", text))
            for name, text in {
                "urdf": "File of the arm's URDF; empty: the topic robot_description.",
                "base": "Link in whose frame the plans are; empty: the planner's commands.base.",
                "tip": "Link that the plans move; empty: the planner's commands.tip.",
            }.items()
        )
        self.arm = ArmView(self, self.known, urdf, base, tip)
        shown = self._fixed(
            "enabling_button",
            False,
            "Show an enabling button, which publishes on enable. Only if nothing else does; it is "
            "not a safety device.",
        )
        self.button = EnablingButton(self) if shown else None
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(WATCH_PERIOD, self._watch, clock=steady)

    def _fixed(self, name: str, default: Any, text: str, **limits: Any) -> Any:
        """Return a parameter that cannot be changed while the node runs."""
        descriptor = ParameterDescriptor(description=text, read_only=True, **limits)
        return self.declare_parameter(name, default, descriptor).value

    def _full_name(self, name: str) -> str:
        """Return a node's name with its namespace, by default that of this node."""
        if name.startswith("/"):
            return name
        return f"{self.get_namespace().rstrip('/')}/{name}"

    def _watch(self) -> None:
        viewers = self.feeds.viewers > 0
        self.inputs.watch(viewers=viewers)
        self.camera_pose.watch(viewers=viewers)
        if viewers:
            self.arm.watch()


class Spinning:
    """Spins a node in a thread of its own, until ``end``.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._node, self._executor = node, SingleThreadedExecutor()
        self._executor.add_node(node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="ros", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the thread and destroy the node."""
        self._ending.set()
        self._thread.join()
        self._executor.shutdown()
        self._node.destroy_node()

    def _spin(self) -> None:
        while not self._ending.is_set():
            try:
                self._executor.spin_once(timeout_sec=0.1)
            except ExternalShutdownException:
                return
            except Exception:  # of one callback; the page, and above all its stop, must go on
                log.traceback(self._node, traceback.format_exc())
