"""The effect of ``config/fastdds.xml`` on a process that uses it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ament_index_python.packages import get_package_share_directory

SHARED_MEMORY = Path("/dev/shm")
SEGMENT = 32 << 20
NAMES = {"jazzy": "FASTRTPS_DEFAULT_PROFILES_FILE"}  # deprecated in later distributions
NODE = """
import rclpy
rclpy.init()
node = rclpy.create_node("profiled")
print("up", flush=True)
input()
"""


def largest_segment(time_limit: float, *, profile: bool) -> tuple[int, str]:
    """Return the largest shared memory segment of a node [bytes], and its stderr."""
    environment = {**os.environ, "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}
    for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        environment.pop(name, None)
    if profile:
        share = Path(get_package_share_directory("wm_planner"))
        name = NAMES.get(environment["ROS_DISTRO"], "FASTDDS_DEFAULT_PROFILES_FILE")
        environment[name] = str(share / "config" / "fastdds.xml")
    before = set(SHARED_MEMORY.iterdir())
    with subprocess.Popen(
        [sys.executable, "-c", NODE],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "up\n"
            mapped = Path(f"/proc/{process.pid}/maps").read_text()  # not those of other processes
            new = set(SHARED_MEMORY.iterdir()) - before
            made = [path.stat().st_size for path in new if str(path) in mapped]
            _, errors = process.communicate("end\n", timeout=time_limit)
        finally:
            process.kill()
    return max(made), errors


def test_the_profile_fits_images_that_the_default_does_not(time_limit: float) -> None:
    with_profile, errors = largest_segment(time_limit, profile=True)
    without, _ = largest_segment(time_limit, profile=False)
    assert not errors
    assert without < 640 * 480 * 3 < SEGMENT <= with_profile
