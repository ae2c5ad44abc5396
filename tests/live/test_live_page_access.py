"""Access to the live page: token, Host and Origin checks, and messages that the page does not send."""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
import logging
import socket
import struct
import time
from contextlib import suppress
from http.cookies import SimpleCookie
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.websocket import WebSocketClosedError, websocket_connect

from imurun.errors import PageError
from imurun.live.page import access, handlers, server
from imurun.live.page.handlers import Commands
from imurun.live.state import Controls, RunState
from tests.live.page_helpers import Stand, made_step

PATHS = [
    ("GET", "/"),
    ("GET", "/page.css"),
    ("GET", "/page.js"),
    ("GET", "/charts.js"),
    ("POST", "/command"),
    ("GET", "/ws"),
    ("GET", "/ws?sensor=0"),
    ("POST", "/ws"),
    ("GET", "/page.html"),
    ("GET", "/metric.html"),
    ("GET", "/server.py"),
    ("GET", "/favicon.ico"),
    ("GET", "/static/page.js"),
    ("GET", "/elsewhere"),
    ("HEAD", "/"),
    ("PUT", "/command"),
    ("OPTIONS", "/page.js"),
]


def request(page, method="GET", path="/", body=None, host=None, origin="own", **headers):
    """Status, headers and body; as a browser on this machine asks unless told otherwise."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
    host = host or f"127.0.0.1:{page.port}"
    connection.putrequest(method, path, skip_host=True)
    connection.putheader("Host", host)
    if method != "GET" and origin:
        connection.putheader("Origin", f"http://{host}" if origin == "own" else origin)
    elif origin not in ("own", None):
        connection.putheader("Origin", origin)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    content = None if body is None else json.dumps(body).encode() if not isinstance(body, bytes) else body
    if content is not None:
        connection.putheader("Content-Length", str(len(content)))
    connection.endheaders(content)
    response = connection.getresponse()
    result = response.status, response.headers, response.read()
    connection.close()
    return result


def token_of(page):
    return page.address.partition("?token=")[2]


@pytest.fixture
def shared(stand):
    stand.serve(share=True)
    return stand


class WebSocket:
    """A socket from within the stand's loop, with any headers and messages."""

    def __init__(self, stand, query="?sensor=0", origin="own", **headers):
        self.stand = stand
        own = f"http://127.0.0.1:{stand.page.port}"
        if origin:
            headers["Origin"] = own if origin == "own" else origin
        request = HTTPRequest(own.replace("http", "ws") + "/ws" + query, headers=headers)
        self.messages = asyncio.Queue()
        self.socket = self.do(
            lambda: websocket_connect(request, on_message_callback=self.messages.put_nowait)
        )

    def do(self, begin):
        async def run():
            return await asyncio.wait_for(begin(), 10)

        return asyncio.run_coroutine_threadsafe(run(), self.stand.loop).result(20)

    def send(self, *messages):
        async def send():
            for message in messages:
                await self.socket.write_message(message, binary=isinstance(message, bytes))

        self.do(send)

    def read(self):
        """The next update; None where the server has closed the socket."""
        text = self.do(self.messages.get)
        return None if text is None else json.loads(text)

    def read_to_end(self):
        """The updates until the server closes the socket."""
        updates = []
        while (update := self.read()) is not None:
            updates.append(update)
        return updates

    def close(self):
        self.stand.call(self.socket.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# -- shared ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("shown", ["nothing", "wrong", "cut", "longer", "empty", "strange"])
def test_without_the_token_every_path_is_forbidden(shared_once, method, path, shown):
    page = shared_once.page
    token = token_of(page)
    wrong = {
        "wrong": "A" * len(token),
        "cut": token[:-1],
        "longer": token + "A",
        "empty": "",
        "strange": "ü€",
    }
    headers = {}
    if shown != "nothing":
        path += ("&" if "?" in path else "?") + "token=" + quote(wrong[shown])
        headers["Cookie"] = (
            f"{page._application.access.cookie}={wrong[shown].encode('ascii', 'ignore').decode()}"
        )
    before = page.n_refused
    status, told, body = request(page, method, path, b"{}" if method == "POST" else None, **headers)
    assert status == 403
    assert "Set-Cookie" not in told
    assert b"imurun printed" in body or method == "HEAD"
    assert token.encode() not in body
    assert page.n_refused == before + 1
    assert not shared_once.asked


@pytest.fixture(scope="module")
def shared_once():
    stand = Stand()
    stand.serve(share=True)
    yield stand
    stand.close()


def test_the_token_opens_once_and_the_cookie_after(shared):
    page = shared.page
    assert len(token_of(page)) >= 32
    status, told, body = request(page, path=f"/?token={token_of(page)}")
    assert status == 200
    [cookie] = SimpleCookie(told["Set-Cookie"]).values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert token_of(page).encode() not in body

    shown = {"Cookie": f"{cookie.key}={cookie.value}"}
    assert request(page, path="/page.js", **shown)[0] == 200
    assert request(page, path="/charts.js", **shown)[0] == 200
    assert request(page, "POST", "/command", {"command": "lap", "name": None}, **shown)[0] == 200
    assert shared.asked == [("lap", None, None)]
    with WebSocket(shared, **shown) as socket:
        assert socket.read()["run"]["name"] == "Lower back"
    for path in ("/page.html", "/server.py", "/favicon.ico", "/static/page.js", "/../server.py", "/ws/"):
        status, headers, _ = request(page, path=path, **shown)
        assert status == 404
        assert headers["Referrer-Policy"] == "no-referrer"


def test_a_socket_needs_the_token_and_the_origin(shared):
    shown = {"Cookie": f"{shared.page._application.access.cookie}={token_of(shared.page)}"}
    with WebSocket(shared, **shown) as socket:
        assert socket.read()["run"]
    for origin, headers in (("own", {}), ("http://elsewhere.example", shown), (None, shown)):
        with pytest.raises(HTTPClientError) as refused:
            WebSocket(shared, origin=origin, **headers)
        assert refused.value.code == 403
    assert shared.page.n_refused == 3


def test_each_run_has_another_token(stand):
    first = token_of(stand.serve(share=True))
    stand.shut()
    assert token_of(stand.serve(share=True)) != first


def test_tokens_are_compared_in_constant_time(shared, monkeypatch):
    compared = []

    class Spy:
        @staticmethod
        def compare_digest(one, other):
            compared.append((one, other))
            return hmac.compare_digest(one, other)

    monkeypatch.setattr(access, "hmac", Spy)
    request(shared.page, path="/?token=x")
    request(shared.page, path=f"/?token={token_of(shared.page)}")
    token = token_of(shared.page).encode()
    assert compared == [(b"x", token), (token, token)]


def test_the_token_is_in_no_log_and_refusals_are(shared, caplog):
    caplog.set_level(logging.DEBUG)
    page = shared.page
    token = token_of(page)
    shown = {"Cookie": f"{page._application.access.cookie}={token}"}
    for path in (
        f"/?token={token}",
        f"/nowhere?token={token}",
        f"/{token}",
        f"/command?token={token}",
        f"/charts.js?token={token}",
        f"/ws?token={token}",
        f"/?token={token}x",
    ):
        request(page, path=path)
        request(page, "POST", path, b"{")
        request(page, path=path, **shown)
        request(page, path=path, host="bad host", **shown)
    with WebSocket(shared, query=f"?token={token}&sensor=0") as socket:
        socket.send("{")
        socket.read_to_end()
    said = "\n".join(record.getMessage() + (record.exc_text or "") for record in caplog.records)
    assert "The page refused another path from 127.0.0.1: it shows no token." in said
    assert "The page refused / from 127.0.0.1: its token is not the one of this run." in said
    assert token not in said


# -- not shared --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_another_name_for_this_machine_is_refused(stand_once, method, path):
    for host in (
        "evil.example",
        f"evil.example:{stand_once.page.port}",
        "192.168.1.7",
        "127.0.0.1.evil.example",
    ):
        assert request(stand_once.page, method, path, host=host)[0] == 403


@pytest.fixture(scope="module")
def stand_once():
    stand = Stand()
    stand.serve()
    yield stand
    stand.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost:8080", "[::1]:5005"])
def test_names_of_this_machine_are_accepted(stand_once, host):
    status, headers, body = request(stand_once.page, host=host)
    assert status == 200
    assert b"Cadence" in body
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_styles_and_scripts_come_from_the_page_only(stand_once):
    policy = request(stand_once.page)[1]["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert f"connect-src 'self' ws://127.0.0.1:{stand_once.page.port} " in policy


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "", None])
def test_another_page_can_neither_send_commands_nor_read(stand_once, origin):
    page = stand_once.page
    assert request(page, "POST", "/command", {"command": "stop"}, origin=origin)[0] == 403
    with pytest.raises(HTTPClientError) as refused:
        WebSocket(stand_once, origin=origin)
    assert refused.value.code == 403
    assert not stand_once.asked


# -- what comes in -----------------------------------------------------------------------------------------

STRANGE = [
    {"command": "pain", "value": 11, "name": None},
    {"command": "pain", "value": -1, "name": None},
    {"command": "pain", "value": True, "name": None},
    {"command": "pain", "value": 3.0, "name": None},
    {"command": "pain", "value": "3", "name": None},
    {"command": "pain", "value": None, "name": None},
    {"command": "pain", "name": None},
    {"command": "lap", "name": "somebody else"},
    {"command": "lap", "name": ["Lower back"]},
    {"command": "lap", "name": None, "value": 3},
    {"command": "lap"},
    {"command": "button_click", "name": None},
    {"ask": "lap", "name": None},
    {"command": ["lap"], "name": None},
    {"command": {}, "name": None},
    {"command": "stop", "name": None},
    {},
    [],
    "lap",
    None,
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 5000,
    b'{"command": NaN}',
]


@pytest.mark.parametrize("message", STRANGE, ids=str)
def test_what_no_button_sends_is_counted_only(stand_once, message):
    before = stand_once.page.n_ignored
    assert (
        request(
            stand_once.page,
            "POST",
            "/command",
            message if isinstance(message, bytes) else json.dumps(message).encode(),
        )[0]
        == 400
    )
    assert stand_once.page.n_ignored == before + 1
    assert not stand_once.asked


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.sampled_from(["command", "lap", "pain", "a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["command", "value", "name", "x"]), inner, max_size=4)
        ),
    )
)
def test_any_message_is_run_or_ignored(message):
    asked = []
    states = [RunState("a"), RunState("b")]
    commands = Commands(states, Controls(lambda *mark: asked.append(mark), lambda: asked.append("stop")))
    is_valid = commands.run(json.dumps(message).encode())
    assert is_valid is (len(asked) == 1)
    assert commands.n_ignored == (not is_valid)


def test_a_request_that_is_too_large_is_refused_unread(stand_once):
    own = f"127.0.0.1:{stand_once.page.port}"
    with socket.create_connection(("127.0.0.1", stand_once.page.port), timeout=60) as long:
        # it is refused for what it announces: not a byte of it is sent
        long.sendall(
            f"POST /command HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
            f"Content-Length: {server.MAX_BYTES + 1}\r\n\r\n".encode()
        )
        assert long.recv(1000).split()[1] in {b"400", b"413"}
    assert not stand_once.asked


GARBAGE = [
    "",
    "{",
    "[]",
    "{}",
    '{"command": "stop"}',
    '{"command": "pain", "value": 3, "name": null}',
    '{"sensor": 1}',
    "[" * 5000,
    b"",
    b"\x00\x01",
    b"\xff" * 5000,
]


@pytest.mark.parametrize("message", GARBAGE, ids=lambda message: repr(message[:24]))
def test_a_message_on_the_socket_is_counted_and_ends_it(stand, caplog, message):
    page = stand.serve()
    with WebSocket(stand) as other, WebSocket(stand) as socket:
        socket.read()
        before = other.read()
        socket.send(message)
        socket.read_to_end()
        assert page.n_ignored == 1
        assert page.n_browsers == 1
        # the run and the other browsers go on
        update = other.read()
        assert update["time_s"] > before["time_s"]
        assert update["run"].keys() == before["run"].keys()
    assert not stand.asked
    assert "Traceback" not in caplog.text


def test_many_messages_on_the_socket_count_once(stand, caplog):
    page = stand.serve()
    with WebSocket(stand) as socket:
        with suppress(WebSocketClosedError):
            socket.send(*["{}"] * 500)
        socket.read_to_end()
    assert page.n_ignored == 1
    assert wait(lambda: page.n_browsers == 0)
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("binary", [False, True])
def test_a_message_that_is_too_large_ends_the_socket(stand, caplog, binary):
    page = stand.serve()
    with WebSocket(stand) as other, WebSocket(stand) as socket:
        socket.read()
        message = "x" * (server.MAX_BYTES + 1)
        with suppress(WebSocketClosedError):
            socket.send(message.encode() if binary else message)
        socket.read_to_end()
        assert wait(lambda: page.n_browsers == 1)
        assert other.read()["run"]
    assert page.n_ignored == 0  # it was not read at all
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("announced", [server.MAX_BYTES + 1, 2**62], ids=["a little", "enormous"])
def test_a_message_is_refused_for_the_size_that_it_announces(stand, announced):
    page = stand.serve()
    with socket.create_connection(("127.0.0.1", page.port), timeout=60) as long:
        long.sendall(upgrade(page))
        wait(lambda: page.n_browsers == 1)
        long.sendall(b"\x82\xff" + struct.pack(">Q", announced) + bytes(4))
        assert wait(lambda: page.n_browsers == 0)


def test_a_message_in_pieces_is_not_collected_without_end(stand):
    page = stand.serve()
    with socket.create_connection(("127.0.0.1", page.port), timeout=60) as long:
        long.sendall(upgrade(page))
        wait(lambda: page.n_browsers == 1)
        piece = b"\xfe" + struct.pack(">H", 1000) + bytes(4) + bytes(1000)
        with suppress(OSError):
            long.sendall(b"\x02" + piece)  # a binary message that does not end
            for _ in range(server.MAX_BYTES // 1000 + 1):
                long.sendall(b"\x00" + piece)
        assert wait(lambda: page.n_browsers == 0)
    assert page.n_ignored == 0


@pytest.mark.parametrize("extension", ["permessage-deflate", "permessage-deflate; client_max_window_bits"])
def test_the_socket_takes_no_compressed_messages(stand, extension):
    """A short message could expand to a long one."""
    stand.serve()
    with WebSocket(stand, **{"Sec-WebSocket-Extensions": extension}) as socket:
        assert "Sec-WebSocket-Extensions" not in socket.socket.headers


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("?sensor=0", 0),
        ("?sensor=1", 1),
        ("?sensor=2", 0),
        ("?sensor=-1", 0),
        ("?sensor=%2B1", 0),
        ("?sensor=1.0", 0),
        ("?sensor=01", 0),
        ("?sensor=1_0", 0),
        ("?sensor=%D9%A1", 0),
        ("?sensor=%ff", 0),
        ("?sensor=", 0),
        ("?sensor=0&sensor=1", 1),
        ("?sensor=" + "9" * 5000, 0),
        ("?other=1", 0),
        ("", 0),
    ],
)
def test_the_address_of_the_socket_chooses_the_sensor(team_once, query, chosen):
    with WebSocket(team_once, query) as socket:
        update = socket.read()
    assert update["chosen"] == chosen
    assert update["run"]["name"] == ["a", "b"][chosen]
    assert [one["name"] for one in update["team"]] == ["a", "b"]


@pytest.fixture(scope="module")
def team_once():
    stand = Stand(["a", "b"])
    stand.serve()
    yield stand
    stand.close()


def test_a_request_without_an_upgrade_opens_no_socket(stand_once):
    for path in ("/ws", "/ws?sensor=0"):
        assert request(stand_once.page, path=path)[0] == 400
    assert request(stand_once.page, "POST", "/ws", b"{}")[0] == 405
    assert stand_once.page.n_browsers == 0


def test_too_many_sockets_are_refused_with_503(stand, monkeypatch):
    monkeypatch.setattr(handlers, "MAX_BROWSERS", 3)
    page = stand.serve()
    sockets = [WebSocket(stand) for _ in range(3)]
    for socket_ in sockets:
        socket_.read()
    with pytest.raises(HTTPClientError) as refused:
        WebSocket(stand)
    assert refused.value.code == 503
    assert request(page, path="/ws")[0] == 503  # so the page can say why
    assert page.n_browsers == 3
    sockets.pop().close()
    assert wait(lambda: page.n_browsers == 2)
    assert request(page, path="/ws")[0] == 400
    sockets.append(WebSocket(stand))
    assert sockets[-1].read()["run"]
    for socket_ in sockets:
        socket_.close()


# -- what goes out -----------------------------------------------------------------------------------------


def test_each_connection_begins_with_all_rows_and_goes_on_with_new_ones(stand):
    [state] = stand.states
    stand.fill(state, 20)
    stand.serve()
    for n_before in (20, 22):
        with WebSocket(stand) as socket:
            assert len(socket.read()["trends"]["rows"]) == n_before
            stand.call(state.steps, [made_step(n_before)])
            stand.call(state.steps, [made_step(n_before + 1)])
            stand.call(state.samples, 9.0, stand.loop.time(), stand.loop.time())
            while not (trends := socket.read()["trends"]):
                pass
            assert [row[1] for row in trends["rows"]] == [
                round(made_step(k).initial_contact_s / 60.0, 4) for k in (n_before, n_before + 1)
            ]


def test_a_fault_in_one_browsers_update_stops_nothing_else(caplog):
    stand = Stand(["a", "b"])
    try:
        stand.run(stand.states[0])
        page = stand.serve()
        with WebSocket(stand, "?sensor=0") as other, WebSocket(stand, "?sensor=1") as broken:
            broken.read()
            [feed] = [one._feed for one in page._application.sockets if one._chosen() == 1]
            stand.call(setattr, feed, "take", lambda: 1 / 0)
            broken.read_to_end()
            assert page.n_browsers == 1
            first_s = other.read()["run"]["elapsed_s"]
            while other.read()["run"]["elapsed_s"] < first_s + 0.5:
                pass
        assert "ZeroDivisionError" in caplog.text
        assert stand.errors == []
    finally:
        stand.close()


def test_a_fault_in_every_update_stops_neither_server_nor_run(stand, monkeypatch, caplog):
    [state] = stand.states
    stand.run(state)
    page = stand.serve()
    with WebSocket(stand) as socket:
        socket.read()
        with monkeypatch.context() as broken:
            broken.setattr(RunState, "snapshot", lambda self, now_s: 1 / 0)
            socket.read_to_end()
            assert page.n_browsers == 0
        with WebSocket(stand) as later:
            first_s = later.read()["run"]["elapsed_s"]
            while later.read()["run"]["elapsed_s"] <= first_s:
                pass
    assert "ZeroDivisionError" in caplog.text


class Stuck:
    """A browser's connection that takes nothing: what is written is never done."""

    def __init__(self, stand):
        [self.socket] = stand.page._application.sockets
        self.written = []
        self.socket.write_message = self.write

    def write(self, text):
        self.written.append(text)
        return asyncio.get_running_loop().create_future()


def test_a_slow_browser_has_one_message_waiting_and_is_hung_up_on(stand):
    [state] = stand.states
    page = stand.serve()
    application = page._application
    with WebSocket(stand) as socket:
        socket.read()
        clock = Skewed(stand.loop.time)
        stand.call(setattr, application.updates, "clock", clock)
        stuck = stand.call(Stuck, stand)

        def change():
            state.samples(1.0, 0.0, clock())
            application.send_updates()

        for _ in range(300):
            stand.call(change)
        assert len(stuck.written) == 1
        assert page.n_browsers == 1
        clock.ahead_s += handlers.MAX_SEND_S + 1.0
        stand.call(change)
        assert page.n_browsers == 0
        assert len(stuck.written) == 1
        socket.read_to_end()


class Skewed:
    """A clock that a test moves."""

    def __init__(self, clock):
        self.clock, self.ahead_s = clock, 0.0

    def __call__(self):
        return self.clock() + self.ahead_s


def test_a_browser_that_reads_nothing_holds_little_memory(stand, monkeypatch):
    """For real, with a connection whose buffers are full."""
    monkeypatch.setattr(server, "PING_S", 60.0)
    [state] = stand.states
    stand.fill(state, 2000)
    page = stand.serve()
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", page.port))
        deaf.sendall(upgrade(page))
        assert wait(lambda: page.n_browsers == 1)
        [browser] = page._application.sockets
        monkeypatch.setattr(handlers, "MAX_SEND_S", 1e9)

        def push():
            state.notes = ("x" * 50_000,)
            state.version += 1
            page._application.send_updates()
            return browser._stream._write_buffer and len(browser._stream._write_buffer)

        sizes = [stand.call(push) for _ in range(200)]
        assert sizes[-1] > 0
        assert max(sizes) < 500_000
        assert len(set(sizes[-100:])) == 1
        # the commands of others are run all the same
        assert request(page, "POST", "/command", {"command": "lap", "name": None})[0] == 200
        monkeypatch.setattr(handlers, "MAX_SEND_S", 0.0)
        assert wait(lambda: page.n_browsers == 0)


def upgrade(page):
    own = f"127.0.0.1:{page.port}"
    return (
        f"GET /ws HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def test_the_last_update_says_that_the_run_has_ended(stand):
    [state] = stand.states
    stand.serve()
    with WebSocket(stand) as socket:
        socket.read()

        def end():
            state.link = "ended"
            state.version += 1
            stand._enough.set()

        stand.call(end)
        assert socket.read_to_end()[-1]["run"]["link"] == "ended"


def wait(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


# -- where it listens --------------------------------------------------------------------------------------


def test_only_a_shared_page_listens_beyond_localhost(stand):
    page = stand.serve()
    assert page.address == f"http://127.0.0.1:{page.port}/"
    assert listens_at(page.port, "127.0.0.1")
    assert not listens_at(page.port, "127.0.0.2")
    stand.shut()
    page = stand.serve(share=True)
    assert listens_at(page.port, "127.0.0.2")
    assert page.address.startswith("http://")
    assert f":{page.port}/?token=" in page.address


def listens_at(port, address):
    """All of 127/8 is this machine's (Linux), but for who listens at one address of it only."""
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def test_address_errors_are_one_sentence(stand):
    port = stand.serve().port
    other = Stand()
    try:
        with pytest.raises(PageError, match=rf"Port {port} is taken.*--port"):
            other.serve(port=port)
        with pytest.raises(PageError, match=r"There is no port 70000.*--port"):
            other.serve(port=70000)
        with pytest.raises(PageError, match="use --share"):
            other.serve(host="0.0.0.0")
        with pytest.raises(PageError, match=r"No page can be served at 192\.0\.2\.77: "):
            other.serve(host="192.0.2.77", share=True)
        with pytest.raises(PageError, match=r"No page can be served at no\.such\.host\.invalid: "):
            other.serve(host="no.such.host.invalid", share=True)
    finally:
        other.close()


def test_a_closed_page_leaves_no_task(stand):
    def left():
        return len(asyncio.all_tasks(stand.loop))

    before = stand.call(left)
    for _ in range(3):
        page = stand.serve()
        socket = WebSocket(stand)
        socket.read()
        assert wait(lambda page=page: page.n_browsers == 1)
        port = page.port
        stand.shut()
        stand.serve(port=port)
        stand.shut()
        socket.close()
    assert wait(lambda: stand.call(left) <= before)


def test_a_browser_that_does_not_answer_is_disconnected(stand, monkeypatch):
    monkeypatch.setattr(server, "PING_S", 0.3)
    page = stand.serve()
    with socket.create_connection(("127.0.0.1", page.port)) as silent:
        silent.sendall(upgrade(page))
        assert wait(lambda: page.n_browsers == 1)
        assert wait(
            lambda: page.n_browsers == 0, 30.0
        )  # Tornado gives it 5 s more to answer the close message


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//[", "http://\u2100"])
def test_an_invalid_origin_is_refused(origin):
    """It comes from elsewhere, and is no fault of the server's."""
    start = RequestStartLine("POST", "/command", "HTTP/1.1")
    headers = HTTPHeaders({"Origin": origin, "Host": "[::1]:5"})
    asked = HTTPServerRequest(start_line=start, headers=headers, connection=SimpleNamespace())
    assert access.Access(False, 5).refusal(asked) == "it comes from another page"
