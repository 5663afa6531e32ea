"""Where the page is served: only this machine reaches it without a token."""

from __future__ import annotations

import socket

import pytest

from wm_planner.cockpit.program import is_loopback, listen, shown_host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_an_address_of_this_machine_alone_needs_no_token(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "", "0.0.0.0", "::", "192.168.1.7", "10.0.0.1", "fe80::1", "robot", "localhost.example",
        "127.0.0.1.example", "127.1", "0", "[::1]", "::ffff:192.168.1.7",
    ],
)  # fmt: skip
def test_any_other_address_needs_a_token(host: str) -> None:
    assert not is_loopback(host)


def test_a_page_on_all_addresses_is_shown_by_the_machine_s_name() -> None:
    for host in ("0.0.0.0", "::", ""):
        assert shown_host(host) == socket.gethostname()


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("robot", "robot"), ("fe80::1", "[fe80::1]")],
)
def test_an_address_is_shown_as_a_browser_takes_it(host: str, shown: str) -> None:
    assert shown_host(host) == shown


def test_it_listens_at_the_address_only() -> None:
    with listen("127.0.0.1", 0) as listening:
        host, port = listening.getsockname()[:2]
        assert host == "127.0.0.1"
        assert port > 0
        with socket.create_connection((host, port), timeout=60):
            pass


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1, port {port} .*-p port:="):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "::ffff:0:0:1:2:3:4:5"])
def test_an_address_that_is_not_this_machine_s_is_told(host: str) -> None:
    with pytest.raises(OSError, match="the page cannot be served at"):
        listen(host, 0)
