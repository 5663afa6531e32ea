"""Who may use the cockpit: the checks of every HTTP request and every web socket."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "wm_planner_cockpit"
MAX_BODY = 16 * 2**20
"""Largest body of a request [bytes]: an image of a goal."""
POLICY_VIOLATION = 1008  # code of a web socket that is refused (RFC 6455, 7.4.1)
CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval'; font-src 'self' data:; worker-src 'self' "
    "blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""What the page may load: nothing from elsewhere. NiceGUI writes its scripts into the page."""
HEADERS = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # With no-referrer, a browser gives a form of this page, such as that of stop, a null Origin.
    (b"referrer-policy", b"same-origin"),
]
ELSEWHERE = "another web page may not use the cockpit"
HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+?)\.?)(?::[0-9]{1,5})?", re.IGNORECASE)
"""A ``Host``: an address in brackets, or a name, which may end with a dot; then perhaps a port."""


class Guard:
    """An ASGI application that passes on to another one only what may reach it.

    - ``Host`` must be an address, ``localhost`` or one of the names given, so that no foreign name
      can lead here (DNS rebinding).
    - ``Origin`` must be the cockpit itself, if a browser sends one; a web socket must have one.
      So a page from elsewhere can neither send requests nor open the page's web socket.
    - With a token, every request needs it: once in the address (``?token=``), from which it is
      taken into a cookie, or as ``Authorization: Bearer``.
    - The body of a request has at most ``MAX_BODY`` bytes.

    Args:
        app: The application.
        names: Further names of this machine, in lower case.
        token: The token; empty: none is needed.
    """

    def __init__(self, app: App, names: Collection[str] = (), token: str = "") -> None:
        self.app = app
        self._names, self._token = {"localhost", *names}, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = _headers(scope)
        socket = scope["type"] == "websocket"
        if why := self._refusal(headers, socket=socket):
            await _refuse(send, HTTPStatus.FORBIDDEN, why, socket=socket)
        elif self._token and not socket and self._brings_token(scope):
            await _enter(send, _cookie_name(scope), self._token)
        elif self._token and not self._has_token(headers, _cookie_name(scope)):
            why = "the token is missing or wrong: open the address that the cockpit has printed"
            await _refuse(send, HTTPStatus.FORBIDDEN, why, socket=socket)
        elif socket:
            await self.app(scope, receive, send)
        else:
            await self._pass_on(scope, headers, receive, send)

    def _refusal(self, headers: dict[str, str], *, socket: bool) -> str:
        host, origin = headers.get("host", ""), headers.get("origin", "")
        if not self._known(host):
            return (
                "the page was opened under a host name that is not allowed: use the machine's IP "
                "address, or add the name to the parameter allowed_hosts"
            )
        if not origin and socket:
            return "a web socket needs an Origin"
        elsewhere = headers.get("sec-fetch-site") == "cross-site"
        if elsewhere and headers.get("sec-fetch-mode") != "navigate":  # such as an image of a page
            return ELSEWHERE
        if origin and not _same(origin, host):
            return ELSEWHERE
        return ""

    def _known(self, host: str) -> bool:
        if not (found := HOST.fullmatch(host)):
            return False
        name = (found[1] or found[2]).lower()
        return name in self._names or _is_address(name)

    def _brings_token(self, scope: Scope) -> bool:
        """Decide whether a request has the token in its address."""
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return scope["method"] == "GET" and self._is_token(given)

    def _has_token(self, headers: dict[str, str], cookie_name: str) -> bool:
        scheme, _, word = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self._is_token(word.strip()):
            return True
        # Programs at other ports of this host set cookies too: one that breaks the rules, at which
        # http.cookies gives up, or another of the same name must not hide this one.
        for cookie in headers.get("cookie", "").split(";"):
            name, _, word = cookie.strip().partition("=")
            if name == cookie_name and self._is_token(word):
                return True
        return False

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self._token.encode())

    async def _pass_on(
        self, scope: Scope, headers: dict[str, str], receive: Receive, send: Send
    ) -> None:
        """Pass a request on with a body that is not too large."""
        declared = headers.get("content-length", "0")
        if not declared.isascii() or not declared.isdigit() or int(declared[:20]) > MAX_BODY:
            await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
            return
        size, begun, refused = 0, False, False

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal size, refused
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:  # it has no length, or is longer than it said
                if not (refused or begun):  # now, because the application makes its own of an error
                    await _refuse(send, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _TOO_LARGE)
                refused = True
                raise _TooLargeError
            return message

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal begun
            if refused and not begun:
                return
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        try:
            await self.app(scope, bounded, watched)
        except Exception:
            if not refused:
                raise


_TOO_LARGE = f"the request is too large: at most {MAX_BODY >> 20} MiB are read"


class _TooLargeError(Exception):
    """The body of a request is too large."""


def _headers(scope: Scope) -> dict[str, str]:
    """Return the headers by their names in lower case; of one that is repeated, all values.

    Two hosts or origins thus match nothing.
    """
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1").lower()
        text = value.decode("latin-1")
        found[name] = f"{found[name]}; {text}" if name in found else text
    return found


def _same(origin: str, host: str) -> bool:
    """Decide whether an ``Origin`` is that of a ``Host``; its scheme is a proxy's matter."""
    scheme, _, place = origin.lower().partition("://")
    return scheme in ("http", "https") and place == host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _cookie_name(scope: Scope) -> str:
    """Return the name of the cookie, with the port, of which browsers' cookies know nothing."""
    server = scope.get("server")
    return f"{COOKIE}_{server[1]}" if server else COOKIE


async def _enter(send: Send, cookie_name: str, token: str) -> None:
    """Give a browser the token as a cookie, and lead it to the page."""
    # Lax, so that the address can also be followed from another page; it allows no foreign POST.
    cookie = f"{cookie_name}={token}; Path=/; HttpOnly; SameSite=Lax"
    headers = [(b"location", b"/"), (b"set-cookie", cookie.encode()), (b"content-length", b"0")]
    await send(
        {
            "type": "http.response.start",
            "status": HTTPStatus.SEE_OTHER,
            "headers": [*headers, *HEADERS],
        }
    )
    await send({"type": "http.response.body", "body": b""})


async def _refuse(send: Send, status: HTTPStatus, why: str, *, socket: bool = False) -> None:
    if socket:
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": why[:120]})
        return
    body = f"{why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *HEADERS,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
