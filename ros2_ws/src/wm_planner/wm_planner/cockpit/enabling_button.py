"""The operator's enabling button in the page: it is held as long as the browser says so."""

from __future__ import annotations

import math
import secrets
import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import Bool

RATE = 20.0  # [Hz] of the messages
HELD = 0.3  # [s] after which a request of the browser counts no more; it sends one each 0.1 s


class EnablingButton:
    """Publishes on the topic ``enable`` whether the button is held; false if the browser is silent.

    The browser must repeat the word that it was last answered with. So a request that was held up
    in the network does not enable the arm after the button was let go, and a press from two pages
    at once enables nothing.

    Create it only if there is no other button, because the planner believes one publisher.

    Args:
        node: Carries the publisher.
    """

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(Bool, "enable", QoSProfile(depth=1))
        self._until, self._word, self._given = -math.inf, "", -math.inf
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(1.0 / RATE, self._publish, clock=steady)

    @property
    def held(self) -> bool:
        """Whether it is held now."""
        return time.monotonic() < self._until

    def hold(self, word: str) -> str:
        """Take a request to hold the button; return the word for the next one.

        The first request of a press has no word yet, and holds nothing.
        """
        now = time.monotonic()
        if word and word == self._word and now - self._given < HELD:
            self._until = now + HELD
        self._word, self._given = secrets.token_hex(8), now
        return self._word

    def let_go(self) -> None:
        """Release the button; requests that are still under way do not hold it."""
        self._until, self._word = -math.inf, ""

    def _publish(self) -> None:
        self._publisher.publish(Bool(data=self.held))
