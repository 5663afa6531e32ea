"""Bodies of requests: as large as an image of a goal, and no larger, whatever they say of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI, Request

from wm_planner.cockpit.guard import MAX_BODY, Guard

CHUNK = 2**20


def application() -> FastAPI:
    api = FastAPI()

    @api.post("/")
    async def read(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    return api


def post(size: int, *lengths: str, app: Any = None) -> tuple[int, list[dict[str, Any]], int]:
    """Send a body in chunks; return the status, all that came back, and the bytes read."""
    headers = [(b"host", b"localhost"), *((b"content-length", n.encode()) for n in lengths)]
    scope = {
        "type": "http", "method": "POST", "path": "/", "raw_path": b"/", "root_path": "",
        "query_string": b"", "headers": headers, "scheme": "http", "http_version": "1.1",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8050),
    }  # fmt: skip
    left, sent = size, list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        nonlocal left
        count = min(left, CHUNK)
        left -= count
        return {"type": "http.request", "body": bytes(count), "more_body": left > 0}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(Guard(app or application())(scope, receive, send))
    return int(sent[0]["status"]), sent, size - left


@pytest.mark.parametrize("size", [0, 1, MAX_BODY - 1, MAX_BODY])
@pytest.mark.parametrize("declared", [True, False])
def test_a_body_up_to_the_limit_is_read(size: int, declared: bool) -> None:
    status, sent, _ = post(size, *([str(size)] if declared else []))
    assert status == 200
    assert sent[1]["body"] == f'{{"size":{size}}}'.encode()


@pytest.mark.parametrize("lengths", [(), ("0",), ("5",), (str(MAX_BODY),), ("0" * 30 + "1" * 30,)])
def test_a_longer_body_is_refused_whatever_it_says(lengths: tuple[str, ...]) -> None:
    status, sent, read = post(MAX_BODY + 5 * CHUNK, *lengths)
    assert status == 413
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert b"16 MiB" in sent[1]["body"]
    assert read <= MAX_BODY + CHUNK, "the rest is not read"


@pytest.mark.parametrize(
    "lengths",
    [
        (str(MAX_BODY + 1),), ("9" * 5000,), ("-1",), ("+1",), ("1.5",), ("1e3",), ("0x10",), ("",),
        ("a",), ("\u0663",), ("\xb2",), ("5", "5"), ("5", "6"),
    ],
)  # fmt: skip
def test_a_length_that_is_none_or_too_large_is_refused_unread(lengths: tuple[str, ...]) -> None:
    status, _, read = post(5, *lengths)
    assert (status, read) == (413, 0)


def test_an_application_that_makes_its_own_of_the_error_does_not_answer_twice() -> None:
    async def stubborn(scope: Any, receive: Any, send: Any) -> None:
        try:
            while (await receive())["more_body"]:
                pass
        except Exception:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"done"})
            await receive()

    status, sent, _ = post(2 * MAX_BODY, app=stubborn)
    assert (status, len(sent)) == (413, 2)


def test_an_answer_that_has_begun_goes_on_alone() -> None:
    async def early(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["more_body"]:
            pass

    status, sent, _ = post(2 * MAX_BODY, app=early)
    assert (status, len(sent)) == (200, 1)


def test_an_error_of_the_application_is_not_hidden() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        post(5, app=broken)
