"""Messages and requests to the live page, from a browser or anything else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote_from_bytes

from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, parse_request_start_line

from imurun.live.page.access import Access, forget_token
from imurun.live.page.handlers import BaseHandler, Commands, UpdateSocket
from imurun.live.page.messages import Updates
from imurun.live.state import Controls, RunState
from tests.fuzz.harness import Target


def commands(folder: Path) -> Sequence[bytes]:
    messages: list[dict[str, object]] = [
        {"command": "pain", "value": 3, "name": None},
        {"command": "pain", "value": 10, "name": "Back"},
        {"command": "lap", "name": "Back"},
        {"command": "stop"},
    ]
    return [json.dumps(message).encode() for message in messages]


def command(data: bytes, folder: Path) -> str:
    """Run if a button of the page sends it, else counted."""
    done: list[tuple[object, ...]] = []
    controls = Controls(lambda *what: done.append(what), lambda: done.append(("stop",)))
    runner = Commands([RunState("Back")], controls)
    is_valid = runner.run(data)
    assert is_valid == (len(done) == 1) != (runner.n_ignored == 1)
    for name, kind, value in (what for what in done if what != ("stop",)):
        assert name in (None, "Back")
        assert (kind, value) == ("lap", None) or (kind == "pain" and 0.0 <= value <= 10.0)
    return f"{is_valid} {done}"


def choices(folder: Path) -> Sequence[bytes]:
    return [b"sensor=1", b"sensor=7", b"sensor=0&sensor=1", b"sensor=%31&token=x", b"sensor"]


def choice(data: bytes, folder: Path) -> str:
    """One of the sensors, whatever the address asks for."""
    connection = SimpleNamespace(context=SimpleNamespace(remote_ip="127.0.0.1", protocol="http"))
    uri = "/ws?" + quote_from_bytes(data, safe="&=%+")
    request = HTTPServerRequest("GET", uri, headers=HTTPHeaders({"Host": "a"}), connection=connection)  # type: ignore[arg-type]
    chosen = _socket(request)._chosen()
    assert chosen in (0, 1)
    return str(chosen)


def messages(folder: Path) -> Sequence[bytes]:
    return [b"", b"{}", b"[1]", b'{"command": "stop"}', b'{"sensor": 1}', b"\0\1\2"]


def message(data: bytes, folder: Path) -> str:
    """Counted, and the browser is disconnected; nothing else happens, however many follow."""
    socket = _socket(SimpleNamespace(query_arguments={}))
    application = socket.application
    for is_text in (True, False):
        socket.on_message(data.decode("utf-8", "replace") if is_text else data)
        assert application.sockets == set()
        assert application.ignored == ["a message on the web socket"]
        assert application.closed == [1008]
    return str(application.ignored)


class _FakeSocket(UpdateSocket):
    """A socket without a connection, which is registered."""

    def __init__(self, application: SimpleNamespace, request: object) -> None:
        self.application, self.request = application, request  # type: ignore[assignment]
        application.sockets.add(self)

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        self.application.closed.append(code)  # type: ignore[attr-defined]


def _socket(request: object) -> _FakeSocket:
    ignored: list[str] = []
    application = SimpleNamespace(
        sockets=set(),
        ignored=ignored,
        closed=[],
        commands=SimpleNamespace(ignore=ignored.append),
        updates=Updates([RunState("a"), RunState("b")], lambda: 0.0),
    )
    return _FakeSocket(application, request)


def requests(folder: Path) -> Sequence[bytes]:
    head = b"Host: 127.0.0.1:5005\r\n"
    return [
        b"GET / HTTP/1.1\r\n" + head,
        b"POST /command?token=x HTTP/1.1\r\n"
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


def access(data: bytes, folder: Path) -> str:
    """A request without the token is refused by a shared page, with a printable reason."""
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
        refusal = Access(is_shared, 5005).refusal(request)
        assert refusal or not is_shared
        assert refusal.isprintable()
        said.append(refusal)
    BaseHandler.set_default_headers(SimpleNamespace(request=request, set_header=_check_header))  # type: ignore[arg-type]
    forget_token(request)
    assert "token" not in request.arguments
    return str(said)


def _check_header(name: str, value: str) -> None:
    assert "\r" not in value
    assert "\n" not in value
    value.encode("latin-1")


PAGE = (
    Target("page-command", commands, command),
    Target("page-sensor", choices, choice),
    Target("page-socket", messages, message),
    Target("page-access", requests, access, attacks=odd_requests),
)
