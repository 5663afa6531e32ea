"""The effect of the profiles ``config/fastdds*.xml`` on a process that uses them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ament_index_python.packages import get_package_share_directory

SHARED_MEMORY = Path("/dev/shm")
SEGMENT = 32 << 20
NAMES = {"jazzy": "FASTRTPS_DEFAULT_PROFILES_FILE"}  # deprecated in later distributions
LOCALHOST, MULTICAST = "0100007F", "0100FFEF"  # 127.0.0.1 and 239.255.0.1 in /proc/net/udp
NODE = """
import rclpy
rclpy.init()
node = rclpy.create_node("profiled")
print("up", flush=True)
input()
"""


@dataclass
class Found:
    """What a node uses: shared memory segments [bytes], UDP addresses, and its stderr."""

    segments: list[int]
    addresses: set[str]
    errors: str


def observe(time_limit: float, profile: str = "") -> Found:
    """Run a node with a profile."""
    environment = {**os.environ, "RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}
    environment.pop("ROS_AUTOMATIC_DISCOVERY_RANGE", None)  # ROS would add transports of its own
    for name in ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE"):
        environment.pop(name, None)
    if profile:
        share = Path(get_package_share_directory("wm_planner"))
        name = NAMES.get(environment["ROS_DISTRO"], "FASTDDS_DEFAULT_PROFILES_FILE")
        environment[name] = str(share / "config" / profile)
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
            addresses = _addresses(process.pid)
            _, errors = process.communicate("end\n", timeout=time_limit)
        finally:
            process.kill()
    return Found(made, addresses, errors)


def _addresses(pid: int) -> set[str]:
    """Return the local addresses of a process's UDP sockets, as /proc/net/udp writes them."""
    files = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    rows = [row.split() for row in Path(f"/proc/{pid}/net/udp").read_text().splitlines()[1:]]
    return {row[1].partition(":")[0] for row in rows if f"socket:[{row[9]}]" in files}


@pytest.mark.parametrize("profile", ["fastdds.xml", "fastdds_localhost.xml"])
def test_a_profile_fits_images_that_the_default_does_not(profile: str, time_limit: float) -> None:
    with_profile = observe(time_limit, profile)
    without = observe(time_limit)
    assert not with_profile.errors
    assert max(without.segments) < 640 * 480 * 3 < SEGMENT <= max(with_profile.segments)


def test_the_profile_for_one_machine_uses_no_other_interface(time_limit: float) -> None:
    assert observe(time_limit, "fastdds_localhost.xml").addresses <= {LOCALHOST, MULTICAST}
    assert not observe(time_limit, "fastdds.xml").addresses <= {LOCALHOST, MULTICAST}
