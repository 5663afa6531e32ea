"""Why a request is refused; a bug that it meets is one reason, and never ends the node."""

from __future__ import annotations

import traceback

from rclpy.node import Node

from wm_planner.control import ErrorCode, Refused, Status


def refusal(node: Node, error: Exception) -> Status:
    """The answer to a request that raised this error.

    rclpy catches nothing that a callback raises, so one request would end the node for everybody.

    Args:
        node: Its logger gets the traceback of what nobody has foreseen.
        error: A ``Refused``, or anything.
    """
    if isinstance(error, Refused):
        return error.outcome
    node.get_logger().error("".join(traceback.format_exception(error)))
    return Status(
        ErrorCode.UNKNOWN,
        f"a fault in the planner's node: {error!r}; please report it with the traceback in its log",
    )
