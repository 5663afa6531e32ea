"""The answer to a request that raised an error, so that a bug does not end the node."""

from __future__ import annotations

import traceback

from rclpy.node import Node

from wm_planner.control import ErrorCode, Refused, Status
from wm_planner.ros import log


def refusal(node: Node, error: Exception) -> Status:
    """Return the status that answers a request.

    rclpy does not catch exceptions of callbacks, so that one request could end the node.

    Args:
        node: Its logger gets the traceback of an unexpected error.
        error: What the request raised.
    """
    if isinstance(error, Refused):
        return error.status
    log.traceback(node, "".join(traceback.format_exception(error)))
    return Status(
        ErrorCode.UNKNOWN,
        f"a bug in the planner's node: {error!r}; please report it with the traceback in its log",
    )
