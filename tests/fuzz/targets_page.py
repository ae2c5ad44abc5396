"""Targets: requests and messages that a browser or an attacker sends to the live page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from bokeh.protocol import Protocol
from bokeh.protocol.receiver import Receiver
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, parse_request_start_line

from imurun.live.page.access import Access, forget_token
from imurun.live.page.asks import Asks
from imurun.live.page.handlers import Door, SessionDoor, Socket
from imurun.live.state import Controls, RunState
from tests.fuzz.harness import Target

BORDER = b"\n~\n"


def asks(folder: Path) -> Sequence[bytes]:
    messages: list[dict[str, object]] = [
        {"ask": "pain", "value": 3, "name": None},
        {"ask": "pain", "value": 10, "name": "Back"},
        {"ask": "lap", "name": "Back"},
        {"ask": "stop"},
    ]
    return [json.dumps(message).encode() for message in messages]


def ask(data: bytes, folder: Path) -> str:
    """Done as the page's buttons ask for it, or counted."""
    done: list[tuple[object, ...]] = []
    taker = Asks(
        [RunState("Back")], Controls(lambda *what: done.append(what), lambda: done.append(("stop",)))
    )
    taken = taker.take(data)
    assert taken == (len(done) == 1) != (taker.ignored == 1)
    for name, kind, value in (what for what in done if what != ("stop",)):
        assert name in (None, "Back")
        assert (kind, value) == ("lap", None) or (kind == "pain" and 0.0 <= value <= 10.0)
    return f"{taken} {done}"


def chosen(data: bytes, folder: Path) -> str:
    door = SimpleNamespace(
        request=SimpleNamespace(body=data),
        application=SimpleNamespace(moments=SimpleNamespace(states=[1, 2])),
    )
    found = SessionDoor._chosen(door)  # type: ignore[arg-type]
    assert found in (0, 1)
    return str(found)


def choices(folder: Path) -> Sequence[bytes]:
    return [b'{"chosen": 1}', b'{"chosen": 7}', b"[]"]


def sockets(folder: Path) -> Sequence[bytes]:
    """Fragments of messages: header, metadata, content, and pairs of buffers."""

    def message(kind: str, content: object, **header: object) -> bytes:
        return BORDER.join(
            json.dumps(part).encode() for part in ({"msgid": "1", "msgtype": kind} | header, {}, content)
        )

    event = {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": {"name": "document_ready"}}
    return [
        message("PULL-DOC-REQ", {}),
        message("SERVER-INFO-REQ", {}),
        message("PATCH-DOC", {"events": [event]}),
        message("PATCH-DOC", {"events": [{"kind": "ModelChanged", "attr": "inner_width", "new": 3}]}),
        message("ACK", {}) + BORDER + message("PULL-DOC-REQ", {}),
    ]


def buffers() -> Sequence[bytes]:
    """What would have the server wait for as many pieces as it is told."""
    header = b'{"msgid": "1", "msgtype": "PATCH-DOC", "num_buffers": %d}'
    pair = BORDER + b'{"id": "x"}' + BORDER + b"\0buffer"
    return [BORDER.join((header % n, b"{}", b'{"events": []}')) + pair * 3 for n in (2, 10**9)]


class _Browser:
    """As much of a `Socket` as takes messages."""

    def __init__(self) -> None:
        self.ignored: list[str] = []
        self.answered: list[str] = []
        self.closed, self.n_reads = False, 0
        self.application = SimpleNamespace(asks=SimpleNamespace(ignore=self.ignored.append))
        self.receiver = Receiver(Protocol())
        self.handler = SimpleNamespace(handle=self._handle)
        self.connection = object()

    async def _handle(self, message: object, connection: object) -> object:
        self.answered.append(message.msgtype)  # type: ignore[attr-defined]
        return message

    async def send_message(self, message: object) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def socket(data: bytes, folder: Path) -> str:
    """Only what asks is answered, and what is kept of it stays small."""
    browser = _Browser()
    for part in data.split(BORDER):
        fragment = part if part[:1] == b"\0" else part.decode("utf-8", "replace")
        asyncio_run(Socket.on_message(browser, fragment))  # type: ignore[arg-type]
        if browser.closed:
            break
        partial = browser.receiver._partial
        assert partial is None or len(partial._buffers) == 0, "buffers are kept"
    assert set(browser.answered) <= {"PULL-DOC-REQ", "SERVER-INFO-REQ"}
    return f"{browser.answered}, {sorted(set(browser.ignored))}, {browser.closed}"


def asyncio_run(work) -> None:  # type: ignore[no-untyped-def]
    """Run what never waits, without a loop."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def requests(folder: Path) -> Sequence[bytes]:
    head = b"Host: 127.0.0.1:5005\r\n"
    return [
        b"GET / HTTP/1.1\r\n" + head,
        b"POST /ask?token=x HTTP/1.1\r\n"
        + head
        + b"Origin: http://127.0.0.1:5005\r\nCookie: imurun_5005=abc\r\n",
        b"GET /ws HTTP/1.1\r\n" + head + b"Upgrade: websocket\r\nOrigin: http://[::1]:5005\r\n",
        b"GET / HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n",
    ]


def odd_requests() -> Sequence[bytes]:
    return [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://[\r\n",
        b"GET / HTTP/1.1\r\nHost: [::1\r\nCookie: imurun_5005=\xff\r\n",
    ]


def door(data: bytes, folder: Path) -> str:
    """Who shows no token is never let in; what is refused is refused in words."""
    first, _, rest = data.decode("latin-1").partition("\r\n")
    try:
        start = parse_request_start_line(first)
        headers = HTTPHeaders.parse(rest)
        connection = SimpleNamespace(
            no_keep_alive=False, context=SimpleNamespace(remote_ip="127.0.0.1", protocol="http")
        )
        request = HTTPServerRequest(connection=connection, start_line=start, headers=headers)  # type: ignore[arg-type]
    except (HTTPInputError, ValueError):  # tornado answers these itself
        return "refused by tornado"
    said = []
    for is_shared in (False, True):
        access = Access(is_shared, 5005)
        refusal = access.refusal(request)
        assert refusal or not is_shared
        assert refusal.isprintable()
        said.append(refusal)
    Door.set_default_headers(SimpleNamespace(request=request, set_header=_check_header))  # type: ignore[arg-type]
    forget_token(request)
    assert "token" not in request.arguments
    return str(said)


def _check_header(name: str, value: str) -> None:
    assert "\r" not in value
    assert "\n" not in value
    value.encode("latin-1")


PAGE = (
    Target("page-ask", asks, ask),
    Target("page-session", choices, chosen),
    Target("page-socket", sockets, socket, attacks=buffers),
    Target("page-door", requests, door, attacks=odd_requests),
)
