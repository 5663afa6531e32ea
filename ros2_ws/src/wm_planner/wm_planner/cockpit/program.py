"""``ros2 run wm_planner cockpit``: serve the cockpit until a signal ends it."""

from __future__ import annotations

import ipaddress
import secrets
import socket

import rclpy

from wm_planner.cockpit.browser import open_in_browser
from wm_planner.ros.process import BAD_VALUES, refuse, start
from wm_planner.text import one_line

PROGRAM = "cockpit"
MISSING = (
    "the cockpit needs NiceGUI: run make cockpit, or install requirements/cockpit.txt into the "
    "node's environment with pip"
)


def main() -> None:
    """Run the cockpit."""
    start(
        PROGRAM,
        "Serves a page that shows what wm_planner does, sets goals and stops the arm.",
        example=f"ros2 run wm_planner {PROGRAM} --ros-args -p open_browser:=true",
    )
    try:
        from wm_planner.cockpit.cockpit_node import CockpitNode, Spinning
        from wm_planner.cockpit.server import make_app, serve
    except ImportError as error:
        refuse(PROGRAM, RuntimeError(f"{MISSING} ({one_line(str(error), 200)})"))
    try:
        node = CockpitNode()
        listening = listen(node.host, node.port)
    except (ValueError, OSError, *BAD_VALUES) as error:
        refuse(PROGRAM, error)
    open_to_all = is_loopback(node.host) and not node.require_token
    token = "" if open_to_all else secrets.token_urlsafe(32)
    port = listening.getsockname()[1]
    query = f"?token={token}" if token else ""
    # On the terminal only, because a log is kept and the token opens the page.
    url = f"http://{shown_host(node.host)}:{port}/{query}"
    print(f"{PROGRAM}: {url}", flush=True)
    if node.open_browser and not token:  # other users could read it from the list of processes
        open_in_browser(url)
    spinning = Spinning(node)
    try:
        serve(make_app(node, token), listening)
    finally:
        spinning.end()
        rclpy.try_shutdown()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Raises:
        OSError: It cannot; the message says where.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f"the page cannot be served at {host}, port {port} ({error.strerror or error}): set "
            "the parameters host and port, e.g. -p port:=8051"
        ) from error


def is_loopback(host: str) -> bool:
    """Decide whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def shown_host(host: str) -> str:
    """Return an address as it stands in that of a page; of all addresses, this machine's name."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    main()
