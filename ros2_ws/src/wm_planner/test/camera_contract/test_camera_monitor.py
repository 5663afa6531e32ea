"""The monitor runs all checks with the user's severities, and detects a frozen stream."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from camera_scenes import EXPECTED, scene

from wm_planner.camera_contract import CameraMonitor
from wm_planner.config import CameraConfig


class TestFrozen:
    """Identical images while stamps advance and the robot moves."""

    def frozen(self, monitor: CameraMonitor) -> bool:
        return "frozen" in {f.name for f in monitor.check(scene())}

    def test_is_found_after_its_time(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for frame in range(31):
            monitor.observe(scene(), frame / 30)
            assert not self.frozen(monitor)
        for frame in range(31, 40):
            monitor.observe(scene(), frame / 30)
        assert self.frozen(monitor)

    def test_ends_with_the_first_changed_pixel(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for frame in range(100):
            monitor.observe(scene(), frame / 30)
        assert self.frozen(monitor)
        changed = scene()
        changed[5, 5, 1] ^= 1
        monitor.observe(changed, 100 / 30)
        assert not self.frozen(monitor)

    def test_does_not_count_time_while_the_robot_rests(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for frame in range(300):
            monitor.observe(scene(), frame / 30, moving=False)
        assert not self.frozen(monitor)

    def test_does_not_count_stamps_that_do_not_advance(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for _ in range(300):
            monitor.observe(scene(), 5.0)
        assert not self.frozen(monitor)

    def test_starts_again_when_the_clock_jumps_back_and_on_reset(self) -> None:
        monitor = CameraMonitor(EXPECTED)
        for stamp in (0.0, 100.0, 99.5):
            monitor.observe(scene(), stamp)
        assert not self.frozen(monitor)
        monitor.observe(scene(), 200.0)
        assert self.frozen(monitor)
        monitor.reset()
        monitor.observe(scene(), 300.0)
        assert not self.frozen(monitor)

    def test_does_not_depend_on_later_changes_of_the_caller_s_array(self) -> None:
        monitor, image = CameraMonitor(EXPECTED), scene()
        monitor.observe(image, 0.0)
        image[:] = 0
        monitor.observe(image, 10.0)
        assert not self.frozen(monitor)


def test_severities_are_the_user_s_choice() -> None:
    monitor = CameraMonitor(EXPECTED, CameraConfig(black="warn", constant="off"))
    black = monitor.check(np.zeros((96, 96, 3), np.uint8))
    assert [f.severity for f in black if f.name == "black"] == ["warn"]
    assert "constant" not in {f.name for f in monitor.measure(scene())}


def test_camera_contract_imports_without_torch_ros_and_opencv() -> None:
    code = """if True:
        import sys
        import wm_planner.camera_contract, wm_planner.images
        print([m for m in ("torch", "rclpy", "sensor_msgs", "cv2") if m in sys.modules])
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
