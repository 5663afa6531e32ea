"""Print a ROS domain ID that no program on this machine seems to use."""

import random
import socket


def main() -> None:
    for domain in random.sample(range(1, 101), 100):
        if is_free(domain):
            break
    print(domain)


def is_free(domain: int) -> bool:
    """Return whether the discovery ports of a domain's first ten participants are free."""
    for participant in range(10):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("", 7410 + 250 * domain + 2 * participant))
            except OSError:
                return False
    return True


if __name__ == "__main__":
    main()
