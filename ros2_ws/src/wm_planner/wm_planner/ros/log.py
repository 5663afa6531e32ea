"""Log sentences that may repeat foreign text: each is one line, and not long.

rclpy allows one severity for each line of code, hence one function for each.
"""

from __future__ import annotations

from rclpy.node import Node

from wm_planner.text import one_line

MAX_TRACEBACK = 10_000  # characters


def info(node: Node, sentence: str) -> None:
    """Log a sentence."""
    node.get_logger().info(one_line(sentence))


def warning(node: Node, sentence: str) -> None:
    """Log a sentence as a warning."""
    node.get_logger().warning(one_line(sentence))


def error(node: Node, sentence: str) -> None:
    """Log a sentence as an error."""
    node.get_logger().error(one_line(sentence))


def fatal(node: Node, sentence: str) -> None:
    """Log a sentence as a fatal error."""
    node.get_logger().fatal(one_line(sentence))


def traceback(node: Node, lines: str) -> None:
    """Log the end of a traceback as an error; its lines cannot be taken for other log entries."""
    last = lines[-MAX_TRACEBACK:].splitlines()
    node.get_logger().error("\n".join(["a bug:", *(f"| {one_line(line)}" for line in last)]))
