"""Sends an image file as a goal, and prints how the planner gets on.

Usage: python docs/examples/send_goal.py goal.png [--planner /wm_planner]
"""

from __future__ import annotations

import argparse
import sys

import cv2
import rclpy
from rclpy.action import ActionClient
from sensor_msgs.msg import Image
from wm_planner_msgs.action import ReachGoal
from wm_planner_msgs.msg import Goal

WAIT = 60.0  # [s] for the planner


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", help="PNG or JPEG file that shows the goal")
    parser.add_argument("--planner", default="/wm_planner", help="the planner's node")
    arguments = parser.parse_args()
    pixels = cv2.imread(arguments.image)  # BGR (height, width, 3)
    if pixels is None:
        print(f"{arguments.image} is no image file that can be read", file=sys.stderr)
        return 2

    height, width = pixels.shape[:2]
    image = Image(height=height, width=width, encoding="bgr8", step=3 * width)
    image.data = pixels.tobytes()

    rclpy.init()
    try:
        node = rclpy.create_node("send_goal")
        client = ActionClient(node, ReachGoal, f"{arguments.planner}/reach_goal")
        if not client.wait_for_server(timeout_sec=WAIT):
            print(f"no planner answers at {arguments.planner}", file=sys.stderr)
            return 1
        sent = client.send_goal_async(ReachGoal.Goal(goal=Goal(images=[image])), print_step)
        rclpy.spin_until_future_complete(node, sent)
        handle = sent.result()
        if not handle.accepted:
            print("rejected: ~/status says why", file=sys.stderr)
            return 1
        result = handle.get_result_async()
        rclpy.spin_until_future_complete(node, result)
        answer = result.result().result
        print(answer.error_msg)
        return 0 if answer.error_code == ReachGoal.Result.NONE else 1
    finally:
        rclpy.try_shutdown()


def print_step(message) -> None:
    step = message.feedback
    print(f"step {step.step}: distance {step.distance:.3f}, plan {1e3 * step.plan_time:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
