"""No process reads images in a way that can hang Fast DDS (docs/how-to/middleware.md)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from wm_planner_msgs.srv import SampleGoal

from wm_planner.ros.image_reader import ImageReaderError, ImageSubscription
from wm_planner_sim.client.image_readers import dangerous, readers_of_images

ROOT = Path(__file__).parents[5]
ALLOWED = {
    "ros2_ws/src/wm_planner/wm_planner/ros/image_reader.py",  # the only way to subscribe
    "ros2_ws/src/wm_planner_sim/wm_planner_sim/client/goal_sampler.py",
    "ros2_ws/src/wm_planner_sim/test/client/test_image_readers.py",
}


def _reads_images(call: ast.Call) -> bool:
    """Decide by its names whether a call creates a reader of messages that hold images."""
    if not (isinstance(call.func, ast.Attribute) and call.args):
        return False
    kinds = {getattr(node, "id", getattr(node, "attr", "")) for node in ast.walk(call.args[0])}
    images = {"create_subscription": ("Image", "CompressedImage"), "create_client": ("SampleGoal",)}
    return bool(kinds & set(images.get(call.func.attr, ())))


def _readers(source: str) -> list[int]:
    """Return the lines on which a source text creates readers of images."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [call.lineno for call in calls if _reads_images(call)]


def test_all_code_reads_images_through_the_module_that_keeps_the_rule() -> None:
    folders = ("ros2_ws/src", "benchmarks", "docs")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    found = {
        f"{file.relative_to(ROOT)}:{line}"
        for file in files
        if str(file.relative_to(ROOT)) not in ALLOWED
        for line in _readers(file.read_text())
    }
    assert not found
    assert len(files) > 100
    assert _readers("node.create_subscription(Image if raw else Compressed, 'rgb', print)") == [1]


@pytest.mark.dds
def test_a_planner_a_simulator_and_a_client_keep_the_rule_on_the_wire(
    client: Any,
) -> None:
    readers = readers_of_images(client)
    topics = {topic for _, topic in readers}
    assert {"rt/rgb", "rr/sim/sample_goalReply", "rq/wm_planner/plan_onceRequest"} <= topics
    planner = [kinds for (_, topic), kinds in readers.items() if topic == "rt/rgb"]
    assert [True] in planner, "the planner must have one reader, a reliable one"


@pytest.mark.dds
def test_a_second_reliable_reader_is_seen_on_the_wire_and_refused(
    client: Any,
) -> None:
    with pytest.raises(ImageReaderError, match="reads /rgb already"):
        ImageSubscription(client, Image, "rgb", print, QoSProfile(depth=1))
    assert not dangerous(readers_of_images(client))
    second = client.create_client(SampleGoal, "sim/sample_goal")
    client.spin_until(lambda: dangerous(readers_of_images(client)))
    client.destroy_client(second)
    client.spin_until(lambda: not dangerous(readers_of_images(client)))
