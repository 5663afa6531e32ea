"""What ``faults.py`` checks after each goal: the commands and the arm's reaction."""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable

import numpy as np
from faults_hand import OPEN, WORKSPACE
from faults_injected import MAX_SPEED, STOPPING, STRAY
from faults_system import Harness
from scipy.spatial.transform import Rotation

from wm_planner.camera_contract.contract import MOVED
from wm_planner_sim.simulator import franka

TICK = 0.02  # [s] of the simulated clock, and of commands.rate
MAX_TILT, MAX_TWIST = 0.3, 0.5  # [rad] limits.max_tilt, max_twist
MAX_ANGULAR_SPEED = 0.4  # [rad/s] limits.max_angular_speed
MAX_GRIPPER_SPEED = 0.1  # [m/s] limits.max_gripper_speed
HELD = 1e-5  # [m] a command that moves the arm less than this holds it
RESTART = 0.5  # [s] a worker takes longer than this to load its model


class Checks:
    """Checks of the commands, and what they found.

    Attributes:
        problems: One sentence for each.
        strays: Distances of commands from a repeated pose [m].
        reactions: Last moves after each fault [s].
        traces: Records of the goals whose arm moved for too long.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.strays = [0.0]
        self.reactions: dict[str, list[float]] = collections.defaultdict(list)
        self.traces: list[str] = []
        self._reflexes = 0

    def check_commands(
        self, node: Harness, fault: str, at: float | None, repeated: np.ndarray
    ) -> None:
        """Check that commands keep to the limits, do not jump, and stop in time after a fault.

        Args:
            node: Its record is checked.
            fault: Name of the fault.
            at: Time of the fault [s]; None if there was none.
            repeated: Position (3,) of the pose that was repeated, if it was [m].
        """
        if not node.commands:
            return
        times, stamps, poses = zip(*node.commands, strict=True)
        path, hands = np.array(poses)[:, :3], np.array(poses)[:, 3:]
        moves = np.linalg.norm(np.diff(path, axis=0), axis=1)
        # An arm slightly outside is led back from where it is.
        outside, began = _outside(path), _outside(np.array([p for _, p in node.measured]))
        if not np.isfinite(path).all() or outside > began + 1e-6:
            self.problems.append(
                f"{fault}: a command {outside:.2e} m outside the workspace, the arm {began:.2e} m"
            )
        # Stamps have the clock's resolution; if the clock stands still, a stop goes by the rate.
        passed = np.maximum(np.diff(stamps), 0) + 2 * TICK
        allowed = MAX_SPEED * passed * 1.01
        if (moves > allowed).any():
            worst = np.argmax(moves - allowed)
            self.problems.append(
                f"{fault}: a command moves {moves[worst]:.3f} m, allowed {allowed[worst]:.3f} m"
            )
        self._check_hand(fault, hands, passed)
        self._check_widths(node, fault, times[-1])
        reflexes, self._reflexes = self._reflexes, node.reflexes or 0  # 0 after a new start
        if self._reflexes > reflexes:
            self.problems.append(f"{fault}: the limits of the arm stopped it")
        if at is not None and fault == "pose repeated":
            late = path[np.array(times) > at]
            stray = np.linalg.norm(late - repeated, axis=1).max(initial=0.0)
            self.strays.append(stray)
            if stray > STRAY:
                self.problems.append(f"{fault}: commanded {stray:.3f} m from the measured pose")
        if at is not None and fault == "camera frozen":
            at = _moved_since(node, at)  # images of an arm that hardly moves prove nothing
        if fault == "clock back" and not (moves[np.array(times[1:]) < at] > HELD).any():
            at = None  # the goal begins anew, see docs/explanation/faults.md
        if at is not None and fault in STOPPING:
            moved = [t - at for t, move in zip(times[1:], moves, strict=True) if move > HELD]
            moved = [0.0, *(t for t in moved if t > 0)]
            rests = np.diff(moved) > RESTART
            # The goal goes on when the worker is back.
            last = np.argmax(rests) if fault.startswith("worker") and rests.any() else -1
            self.reactions[fault].append(moved[last])
            if moved[last] > STOPPING[fault]:
                self.traces.append(
                    _trace(node, fault, at, zip(times[1:], 1e3 * moves, strict=True))
                )

    def _check_hand(self, fault: str, hands: np.ndarray, passed: np.ndarray) -> None:
        """Check commanded orientations (n, 4) and the times between them (n - 1,) [s]."""
        if not np.isfinite(hands).all():
            self.problems.append(f"{fault}: an orientation is not finite")
            return
        turns = Rotation.from_quat(hands)
        tilts = np.arccos(np.clip(-turns.as_matrix()[:, 2, 2], -1, 1))
        if (worst := tilts.max()) > MAX_TILT + 1e-6:
            self.problems.append(f"{fault}: a command tilts the hand by {worst:.3f} rad")
        twists = (turns * Rotation.from_quat(franka.DOWN_XYZW).inv()).as_quat()
        if (worst := (2 * np.abs(np.arctan2(twists[:, 2], twists[:, 3]))).max()) > MAX_TWIST + 1e-6:
            self.problems.append(f"{fault}: a command twists the hand by {worst:.3f} rad")
        angles = (turns[1:] * turns[:-1].inv()).magnitude() if len(hands) > 1 else np.zeros(0)
        excess = angles / (MAX_ANGULAR_SPEED * passed * 1.01)
        if (excess > 1).any():
            worst = angles[np.argmax(excess)]
            self.problems.append(f"{fault}: a command turns the hand by {worst:.3f} rad")

    def _check_widths(self, node: Harness, fault: str, last: float) -> None:
        """Check that the gripper was commanded within its limits, and not after the arm."""
        if not node.widths:
            return
        times, stamps, widths = np.array(node.widths).T
        if not ((widths >= -1e-9) & (widths <= OPEN + 1e-9)).all():  # NaN is not, either
            self.problems.append(f"{fault}: a width of {widths.min():g} to {widths.max():g} m")
        passed = np.maximum(np.diff(stamps), 0) + 2 * TICK
        if (np.abs(np.diff(widths)) > MAX_GRIPPER_SPEED * passed * 1.01).any():
            self.problems.append(f"{fault}: a width changed too fast")
        if times[-1] > last + TICK:
            self.problems.append(f"{fault}: the gripper was commanded after the arm had stopped")


def _outside(positions: np.ndarray) -> float:
    """Return how far the furthest of some positions (n, 3) lies outside the workspace [m]."""
    lower, upper = np.array(WORKSPACE)
    return float(np.maximum(lower - positions, positions - upper).max(initial=0.0))


def _moved_since(node: Harness, at: float) -> float:
    """Return when the arm was first measured further than ``MOVED`` from where it was at a time."""
    before = [p for t, p in node.measured if t <= at][-1]
    far = [t for t, p in node.measured if t > at and np.linalg.norm(p - before) > MOVED]
    return far[0] if far else math.inf


def _trace(node: Harness, fault: str, at: float, moves: Iterable[tuple[float, float]]) -> str:
    """Describe what happened in a goal whose arm moved for too long."""
    commands = " ".join(f"{t - at:.2f}:{move:.2f}" for t, move in moves)
    images = " ".join(f"{t - at:.2f}" for t in node.relayed)
    statuses = "\n".join(f"{t - at:.2f} {text}" for t, text in node.statuses)
    return (
        f"{fault}, all in seconds after it (frozen: after the arm moved)\n"
        f"commands, and millimeters moved: {commands}\n"
        f"images passed on: {images}\nstatus:\n{statuses}"
    )
