"""Who reaches the cockpit: names, origins and the token. No page from elsewhere and no stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from wm_planner.cockpit.guard import COOKIE, POLICY_VIOLATION, Guard

TOKEN = "s3cr3t-word"
HERE = "http://localhost:8050"
Headers = Iterable[tuple[str, str]]


@dataclass
class App:
    """An application that records what reaches it, and answers with 200."""

    reached: list[str] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.reached.append(scope["type"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"the page"})


@dataclass
class Answer:
    """What a client got, and whether the application behind the guard was reached."""

    sent: list[dict[str, Any]]
    reached: bool

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    def header(self, name: str) -> str:
        return dict(self.sent[0]["headers"])[name.encode()].decode()


def ask(
    headers: Headers, *, kind: str = "http", method: str = "GET", query: bytes = b"",
    token: str = "", names: Iterable[str] = (), server: tuple[str, int] | None = None,
) -> Answer:  # fmt: skip
    app, sent = App(), list[dict[str, Any]]()
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {"type": kind, "headers": raw, "query_string": query, "method": method}
    scope["server"] = server

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(Guard(app, set(names), token)(scope, receive, send))
    return Answer(sent, bool(app.reached))


def host(name: str, *more: tuple[str, str]) -> list[tuple[str, str]]:
    return [("Host", name), *more]


def local(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return host("localhost:8050", *more)


def refused(answer: Answer) -> bool:
    return answer.status == 403 and not answer.reached


@pytest.mark.parametrize(
    "name",
    [
        "localhost", "localhost:8050", "LocalHost:8050", "localhost.", "localhost.:8050",
        "127.0.0.1", "127.0.0.1:8050", "192.168.1.7:80", "[::1]", "[::1]:8050", "[FE80::1]:8050",
        "robot", "ROBOT:8050", "robot.lab.example.:8050",
    ],
)  # fmt: skip
def test_an_address_and_a_known_name_are_answered(name: str) -> None:
    answer = ask(host(name), names={"robot", "robot.lab.example"})
    assert (answer.status, answer.reached) == (200, True)


@pytest.mark.parametrize(
    "name",
    [
        "", ".", "evil.example", "evil.example:8050", "localhost.evil.example",
        "127.0.0.1.evil.example", "evil.example.localhost", "robots",
        "127.0.0.1@evil.example", "evil.example@127.0.0.1",
        "localhost/evil.example", "localhost?a", "localhost#a", "localhost\\evil.example",
        "[::1", "[evil.example]", "::1", "[::1]evil.example", "localhost:port", "localhost:",
        "localhost:80:90", "localhost ", "local\thost", "2130706433", "0x7f.1", "l\xf6calhost",
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_foreign_name_that_leads_here_is_refused(name: str, kind: str) -> None:
    """That is DNS rebinding: the browser takes the cockpit for a part of the foreign page."""
    answer = ask(host(name, ("Origin", f"http://{name}")), kind=kind, names={"robot"})
    assert not answer.reached
    assert kind == "websocket" or answer.status == 403


def test_a_request_without_a_host_is_refused() -> None:
    assert refused(ask([]))


def test_an_empty_name_among_the_allowed_ones_allows_no_empty_host() -> None:
    assert refused(ask(host(""), names={""}))


@pytest.mark.parametrize(
    "two",
    [
        ("localhost:8050", "localhost:8050"), ("localhost:80", "evil.example"),
        ("evil.example", "localhost"), ("evil.example", "@127.0.0.1"),
        ("localhost", "evil.example"),
    ],
)  # fmt: skip
def test_two_hosts_are_refused(two: tuple[str, str]) -> None:
    assert refused(ask([("Host", name) for name in two]))


FOREIGN = [
    "null", "http://evil.example", "http://evil.example:8050", "http://localhost:8051",
    "http://localhost", "https://localhost", "http://localhost:8050.evil.example",
    "http://localhost:8050@evil.example", "http://evil.example@localhost:8050",
    "http://localhost:8050/", "http://127.0.0.1:8050", "file://localhost:8050", "localhost:8050",
    "//localhost:8050", "http://[evil", "http://[::1", "http://", "\xe9",
]  # fmt: skip


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_foreign_origin_is_refused(origin: str, method: str) -> None:
    assert refused(ask(local(("Origin", origin)), method=method))


@pytest.mark.parametrize("origin", [*FOREIGN, ""])
def test_a_foreign_page_opens_no_web_socket(origin: str) -> None:
    answer = ask(local(("Origin", origin)), kind="websocket")
    assert not answer.reached
    (message,) = answer.sent
    assert (message["type"], message["code"]) == ("websocket.close", POLICY_VIOLATION)
    assert len(message["reason"].encode()) <= 123, "RFC 6455, 5.5"


def test_two_origins_are_refused() -> None:
    assert refused(ask(local(("Origin", HERE), ("Origin", HERE))))
    assert refused(ask(local(("Origin", HERE), ("Origin", "http://evil.example"))))


@pytest.mark.parametrize(
    "origin",
    [HERE, "HTTP://LOCALHOST:8050", "https://localhost:8050"],
    ids=["own", "upper", "by proxy"],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_cockpit_s_own_page_may_use_it(origin: str, kind: str) -> None:
    assert ask(local(("Origin", origin)), kind=kind, method="POST").reached


def test_a_web_socket_without_an_origin_is_refused() -> None:
    assert not ask(local(), kind="websocket").reached


def test_a_program_without_an_origin_may_send_requests() -> None:
    assert ask(local(), method="POST").reached


def test_the_lifespan_passes() -> None:
    app = App()
    asyncio.run(Guard(app, token=TOKEN)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert app.reached == ["lifespan"]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "more",
    [
        [],
        [("Cookie", f"{COOKIE}=")],
        [("Cookie", f"{COOKIE}=wrong")],
        [("Cookie", f"other={TOKEN}")],
        [("Cookie", f"{COOKIE}={TOKEN}x")],
        [("Cookie", f"x{COOKIE}={TOKEN}")],
        [("Cookie", f"{COOKIE}=\xe9\xff")],
        [("Cookie", ";;==;" * 100)],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer wrong")],
        [("Authorization", "Bearer \xe9")],
        [("Authorization", f"Basic {TOKEN}")],
        [("Authorization", TOKEN)],
    ],
)
def test_without_the_token_nothing_is_reached(more: list[tuple[str, str]], kind: str) -> None:
    answer = ask(local(("Origin", HERE), *more), kind=kind, token=TOKEN)
    assert not answer.reached
    assert kind == "websocket" or "token" in answer.sent[1]["body"].decode()
    assert TOKEN not in str(answer.sent)


@pytest.mark.parametrize(
    "cookies",
    [
        [f"{COOKIE}={TOKEN}"],
        [f"a=1; {COOKIE}={TOKEN}; b=2"],
        ["a=1", f"{COOKIE}={TOKEN}"],
        [f"{COOKIE}=that of another port; {COOKIE}={TOKEN}"],
        [f'a={{"x": [1]}}; a[b]=(); {COOKIE}={TOKEN}'],  # http.cookies gives up at these
        [f"\xe9; =; ;;{COOKIE}={TOKEN}"],
    ],
)
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_the_cookie_has_the_token_whatever_others_there_are(cookies: list[str], kind: str) -> None:
    given = [("Cookie", cookie) for cookie in cookies]
    assert ask(local(("Origin", HERE), *given), kind=kind, token=TOKEN).reached


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_program_gives_the_token_as_a_bearer(scheme: str) -> None:
    assert ask(local(("Authorization", f"{scheme} {TOKEN}")), method="POST", token=TOKEN).reached


def test_the_address_with_the_token_becomes_a_cookie_and_an_address_without_it() -> None:
    answer = ask(local(), query=f"token={TOKEN}".encode(), token=TOKEN)
    assert (answer.status, answer.reached) == (303, False)
    assert answer.header("location") == "/"
    cookie, *attributes = answer.header("set-cookie").split("; ")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} == set(attributes)
    assert ask(local(("Cookie", cookie)), token=TOKEN).reached


def test_cookies_of_two_ports_do_not_hide_each_other() -> None:
    names = set()
    for port in (8050, 8051):
        answer = ask(local(), query=f"token={TOKEN}".encode(), token=TOKEN, server=("::1", port))
        cookie = answer.header("set-cookie").partition(";")[0]
        names.add(cookie.partition("=")[0])
        assert ask(local(("Cookie", cookie)), token=TOKEN, server=("::1", port)).reached
    assert len(names) == 2


@pytest.mark.parametrize(
    ("site", "mode", "passes"),
    [
        ("cross-site", "no-cors", False), ("cross-site", "cors", False),
        ("cross-site", "navigate", True), ("same-origin", "cors", True), ("none", "navigate", True),
    ],
)  # fmt: skip
def test_a_page_from_elsewhere_cannot_load_a_part_of_this_one(
    site: str, mode: str, passes: bool
) -> None:
    given = local(("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode))
    assert ask(given).reached is passes


def test_the_token_leaves_the_address_also_when_the_cookie_is_there() -> None:
    given = local(("Cookie", f"{COOKIE}={TOKEN}"))
    assert ask(given, query=f"token={TOKEN}".encode(), token=TOKEN).status == 303


@pytest.mark.parametrize(
    "query", ["", "token=", "token=wrong", "token=%ff%c3%28", "token=%E9", "toke=%", "token", "&=&"]
)
def test_an_address_with_another_token_is_refused(query: str) -> None:
    assert refused(ask(local(), query=query.encode(), token=TOKEN))
    assert refused(ask(local(), query=b"token=\xff\xfe", token=TOKEN))


@pytest.mark.parametrize(("kind", "method"), [("http", "POST"), ("websocket", "GET")])
def test_only_the_page_is_asked_for_with_the_token_in_the_address(kind: str, method: str) -> None:
    query, given = f"token={TOKEN}".encode(), local(("Origin", HERE))
    assert not ask(given, kind=kind, method=method, query=query, token=TOKEN).reached


def test_the_token_does_not_make_up_for_a_foreign_name_or_page() -> None:
    cookie, query = ("Cookie", f"{COOKIE}={TOKEN}"), f"token={TOKEN}".encode()
    for query_string in (b"", query):
        foreign = [host("evil.example", cookie), local(cookie, ("Origin", "http://evil.example"))]
        for given in foreign:
            assert refused(ask(given, query=query_string, token=TOKEN))


def test_without_a_token_none_is_needed_and_one_in_the_address_is_left_alone() -> None:
    assert ask(local(), query=b"token=anything").reached
    assert ask(local(), query=b"token=").reached


@pytest.mark.parametrize("answer", ["page", "entered", "refused"])
def test_no_answer_may_be_framed_or_load_from_elsewhere(answer: str) -> None:
    token, query = ("", b"") if answer == "page" else (TOKEN, f"token={TOKEN}".encode())
    got = ask(local(), token=token, query=b"" if answer == "refused" else query)
    policy = got.header("content-security-policy")
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'self'" in policy
    assert not [word for word in policy.split() if "*" in word or "http" in word]
    assert got.header("x-content-type-options") == "nosniff"


def test_a_form_of_the_page_keeps_its_origin() -> None:
    """Else stop, which is a form, would be refused where the page's script does not run."""
    assert ask(local()).header("referrer-policy") == "same-origin"
