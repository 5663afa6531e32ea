"""Who may have called a service: ROS tells a server's callback no more than the graph does."""

from __future__ import annotations

from rclpy.node import Node

from wm_planner.text import quoted

SHOWN = 3  # callers that a sentence names
UNKNOWN = "a node that is not known yet"


def callers(node: Node, service: str) -> str:
    """Name the nodes that have a client of a service, as "/a" or "/a or /b".

    rclpy hides which of the clients sent a request. The names are what the nodes call themselves.

    Args:
        node: Its view of the graph is used.
        service: Full name of the service.
    """
    try:
        # The topic of the requests under DDS; other middleware names nobody.
        clients = node.get_publishers_info_by_topic(f"rq{service}Request", no_mangle=True)
        names = {f"{c.node_namespace.rstrip('/')}/{c.node_name}" for c in clients}
    except Exception:  # a name that is no text, for example; a stop must not fail for a name
        names = set()
    shown = [_plain(name) for name in sorted(names)[:SHOWN]]
    others = [f"{len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return " or ".join(shown + others) or UNKNOWN


def _plain(name: str) -> str:
    """Return a name as it is if it is a valid one, else quoted and shortened."""
    if "_NODE_NAME_UNKNOWN_" in name:  # rmw's, until the node is discovered
        return UNKNOWN
    valid = name.isascii() and name.replace("/", "a").isidentifier()
    return name if valid and len(name) <= 80 else quoted(name)
