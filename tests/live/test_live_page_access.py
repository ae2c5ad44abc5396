"""Every door of the page is shut to who may not look, and what comes in changes nothing that it may not."""

from __future__ import annotations

import asyncio
import hmac
import http.client
import json
import logging
import socket
import time
from http.cookies import SimpleCookie
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from bokeh.util.token import generate_jwt_token, generate_session_id
from hypothesis import given
from hypothesis import strategies as st
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.websocket import websocket_connect

from imurun.errors import PageError
from imurun.live.page import access, server
from imurun.live.page.asks import Asks
from imurun.live.page.handlers import MOST_READS
from imurun.live.state import Controls, RunState
from tests.live.page_helpers import Stand

DOORS = [
    ("GET", "/"),
    ("GET", "/page.css"),
    ("GET", "/page.js"),
    ("GET", "/static/js/bokeh.min.js"),
    ("POST", "/session"),
    ("POST", "/ask"),
    ("GET", "/ws"),
    ("GET", "/autoload.js?bokeh-autoload-element=1"),
    ("GET", "/metadata"),
    ("GET", "/favicon.ico"),
    ("GET", "/static/js/bokeh.js"),
    ("GET", "/static/extensions/x"),
    ("GET", "/elsewhere"),
    ("HEAD", "/"),
    ("PUT", "/ask"),
    ("OPTIONS", "/autoload.js"),
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
    """One from within the stand's loop, with whatever a stranger may send."""

    def __init__(self, stand, session_token, origin="own", **headers):
        self.stand = stand
        own = f"http://127.0.0.1:{stand.page.port}"
        if origin:
            headers["Origin"] = own if origin == "own" else origin
        asked = HTTPRequest(own.replace("http", "ws") + "/ws", headers=headers)
        self.messages = asyncio.Queue()
        self.socket = self.do(
            lambda: websocket_connect(
                asked, subprotocols=["bokeh", session_token], on_message_callback=self.messages.put_nowait
            )
        )

    def do(self, begin):
        async def run():
            return await asyncio.wait_for(begin(), 5)

        return asyncio.run_coroutine_threadsafe(run(), self.stand.loop).result(10)

    def send(self, *fragments):
        async def send():
            for fragment in fragments:
                await self.socket.write_message(fragment, binary=isinstance(fragment, bytes))

        self.do(send)

    def message(self, kind, content):
        self.send(json.dumps({"msgid": "1", "msgtype": kind}), "{}", json.dumps(content))

    def read(self):
        return self.do(self.messages.get)

    def close(self):
        self.stand.call(self.socket.close)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def session_of(page, **headers):
    status, _, body = request(page, "POST", "/session", {"chosen": 0}, **headers)
    assert status == 200
    return json.loads(body)


def documents(stand):
    """What the server holds for its browsers, without what time changes."""

    def read():
        told = []
        for session in stand.page._application.get_sessions("/"):
            for root in session.document.roots:
                if root.name != "moment":
                    told.append(repr(sorted(root.properties_with_values().items(), key=lambda item: item[0])))
        return told

    return stand.call(read)


# -- shared ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("shown", ["nothing", "wrong", "cut", "longer", "empty", "strange"])
def test_without_the_token_every_door_is_shut(shared_once, method, path, shown):
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
    assert request(page, path="/static/js/bokeh.min.js", **shown)[0] == 200
    session = session_of(page, **shown)
    assert request(page, "POST", "/ask", {"ask": "lap", "name": None}, **shown)[0] == 200
    assert shared.asked == [("lap", None, None)]
    socket = WebSocket(shared, session["token"], **shown)
    assert json.loads(socket.read())["msgtype"] == "ACK"
    socket.close()
    for path in ("/autoload.js?bokeh-autoload-element=1", "/metadata", "/favicon.ico", "/static/js/bokeh.js"):
        assert request(page, path=path, **shown)[0] == 404


def test_a_socket_needs_the_token_even_with_a_true_session(shared):
    shown = {"Cookie": f"{shared.page._application.access.cookie}={token_of(shared.page)}"}
    session = session_of(shared.page, **shown)
    with pytest.raises(HTTPClientError) as refused:
        WebSocket(shared, session["token"])
    assert refused.value.code == 403
    with pytest.raises(HTTPClientError) as refused:
        WebSocket(shared, session["token"], origin="http://elsewhere.example", **shown)
    assert refused.value.code == 403


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
        f"/session?token={token}",
        f"/static/js/bokeh.min.js?token={token}",
        f"/ws?token={token}",
        f"/?token={token}x",
    ):
        request(page, path=path)
        request(page, "POST", path, b"{")
        request(page, path=path, **shown)
        request(page, path=path, host="bad host", **shown)
    session_of(page, **shown)
    said = "\n".join(record.getMessage() + (record.exc_text or "") for record in caplog.records)
    assert "The page refused another path from 127.0.0.1: it shows no token." in said
    assert "The page refused / from 127.0.0.1: its token is not the one of this run." in said
    assert token not in said


# -- not shared --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), DOORS)
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
def test_this_machine_by_any_of_its_names(stand_once, host):
    status, headers, body = request(stand_once.page, host=host)
    assert status == 200
    assert b"Cadence" in body
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "", None])
def test_another_page_cannot_press_or_read(stand_once, origin):
    page = stand_once.page
    for path in ("/ask", "/session"):
        assert request(page, "POST", path, {"ask": "stop"}, origin=origin)[0] == 403
    session = session_of(page)
    with pytest.raises(HTTPClientError) as refused:
        WebSocket(stand_once, session["token"], origin=origin)
    assert refused.value.code == 403
    assert not stand_once.asked


# -- what comes in -----------------------------------------------------------------------------------------

STRANGE = [
    {"ask": "pain", "value": 11, "name": None},
    {"ask": "pain", "value": -1, "name": None},
    {"ask": "pain", "value": True, "name": None},
    {"ask": "pain", "value": 3.0, "name": None},
    {"ask": "pain", "value": "3", "name": None},
    {"ask": "pain", "value": None, "name": None},
    {"ask": "pain", "name": None},
    {"ask": "lap", "name": "somebody else"},
    {"ask": "lap", "name": ["Lower back"]},
    {"ask": "lap", "name": None, "value": 3},
    {"ask": "lap"},
    {"ask": "button_click", "name": None},
    {"ask": ["lap"], "name": None},
    {"ask": {}, "name": None},
    {"ask": "stop", "name": None},
    {},
    [],
    "lap",
    None,
    b"",
    b"{",
    b"\xff\xfe",
    b"[" * 5000,
    b'{"ask": NaN}',
]


@pytest.mark.parametrize("message", STRANGE, ids=str)
def test_what_no_button_sends_is_counted_only(stand_once, message):
    before = stand_once.page.n_ignored
    assert (
        request(
            stand_once.page,
            "POST",
            "/ask",
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
        | st.sampled_from(["ask", "lap", "pain", "a"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["ask", "value", "name", "x"]), inner, max_size=4)
        ),
    )
)
def test_any_message_is_taken_or_ignored(message):
    asked = []
    states = [RunState("a"), RunState("b")]
    asks = Asks(states, Controls(lambda *mark: asked.append(mark), lambda: asked.append("stop")))
    took = asks.take(json.dumps(message).encode())
    assert took is (len(asked) == 1)
    assert asks.ignored == (not took)


def test_too_much_is_not_read(stand_once):
    own = f"127.0.0.1:{stand_once.page.port}"
    with socket.create_connection(("127.0.0.1", stand_once.page.port), timeout=60) as long:
        # it is refused for what it announces: not a byte of it is sent
        long.sendall(
            f"POST /ask HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
            f"Content-Length: {server.MOST_BYTES + 1}\r\n\r\n".encode()
        )
        assert long.recv(1000).split()[1] in {b"400", b"413"}
    assert not stand_once.asked


@pytest.mark.parametrize("kind", ["unsigned", "other_key", "expired", "garbage", "empty", "not_json"])
def test_a_made_up_session_gets_nothing(stand, kind, caplog):
    page = stand.serve()
    key = page._application.secret_key
    token = {
        "unsigned": generate_jwt_token(generate_session_id(signed=False), signed=False),
        "other_key": generate_jwt_token(
            generate_session_id(secret_key=b"other", signed=True), secret_key=b"other", signed=True
        ),
        "expired": generate_jwt_token(
            generate_session_id(secret_key=key, signed=True), secret_key=key, signed=True, expiration=-10
        ),
        "garbage": "xyz.abc",
        "empty": "x",
        "not_json": "bnVsbA.bnVsbA",
    }[kind]
    with WebSocket(stand, token) as socket:
        assert socket.read() is None
    assert page.n_ignored == 1
    assert stand.call(page._application.get_sessions, "/") == []
    assert "Traceback" not in caplog.text


def test_a_socket_without_bokehs_protocol_gets_nothing(stand, caplog):
    page = stand.serve()

    async def connect():
        address = f"ws://127.0.0.1:{page.port}/ws"
        headers = {"Origin": f"http://127.0.0.1:{page.port}"}
        socket = await websocket_connect(HTTPRequest(address, headers=headers))
        message = await socket.read_message()
        socket.close()
        return message

    assert asyncio.run_coroutine_threadsafe(connect(), stand.loop).result(10) is None
    assert page.n_ignored == 1
    assert "Traceback" not in caplog.text


def foreign_patches(root_id):
    def change(attr, new, model=root_id):
        return {"kind": "ModelChanged", "model": {"id": model}, "attr": attr, "new": new}

    def event(name, values):
        data = {"type": "event", "name": name, "values": {"type": "map", "entries": values}}
        return {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": data}

    return [
        {"events": [change("title", "owned")]},
        {"events": [change("height", 9000)]},
        {"events": [change("inner_width", 10), change("visible", False)]},
        {"events": [change("visible", False, model="p99999")]},
        {"events": [event("button_click", [["model", {"id": root_id}]])]},
        {"events": [event("stop", [])]},
        {"events": [{"kind": "RootRemoved", "model": {"id": root_id}}]},
        {"events": [{"kind": "TitleChanged", "title": "owned"}]},
        {"events": [{"kind": "ColumnsStreamed", "model": {"id": root_id}, "attr": "data", "data": {}}]},
        {"events": [{"kind": "MessageSent", "msg_type": "lap", "msg_data": {}}]},
        {"events": [None, 3, {}]},
        {"events": {}},
        {"events": None},
        {},
        [],
    ]


def test_the_document_takes_nothing_from_a_browser(stand, caplog):
    [state] = stand.states
    stand.fill(state, 20)
    page = stand.serve()
    session = session_of(page)
    socket = WebSocket(stand, session["token"])
    for _ in range(3):
        socket.read()
    before = documents(stand)
    patches = foreign_patches(session["root_ids"][0])
    for content in patches:
        socket.message("PATCH-DOC", content)
    socket.message("PUSH-DOC", {"doc": {"version": "3.9.2", "title": "owned", "roots": []}})
    socket.message("ACK", {})
    assert wait(lambda: page.n_ignored == len(patches) + 2), page.n_ignored
    assert documents(stand) == before
    assert not stand.asked
    assert "Traceback" not in caplog.text

    # what bokeh's own script says by itself is not the page's doing, nor anybody's
    housekeeping = [
        {"kind": "ModelChanged", "model": {"id": session["root_ids"][0]}, "attr": "inner_width", "new": 17},
        {"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": {"name": "document_ready"}},
    ]
    for event in housekeeping:
        socket.message("PATCH-DOC", {"events": [event]})
    socket.message("SERVER-INFO-REQ", {})
    while '"SERVER-INFO-REPLY"' not in socket.read():
        pass
    assert page.n_ignored == len(patches) + 2
    assert documents(stand) == before
    socket.message("NONSENSE", {})
    assert wait(lambda: page.n_ignored == len(patches) + 3)
    socket.close()


@pytest.mark.parametrize(
    "fragments", [["{", "{}", "{}"], [b"\x00\x01"], ["[]", "[]", "[]"], ["{}", "{}", "{}"]]
)
def test_bytes_that_are_no_message_end_the_socket(stand, caplog, fragments):
    page = stand.serve()
    with WebSocket(stand, session_of(page)["token"]) as socket:
        for _ in range(3):
            socket.read()
        socket.send(*fragments)
        assert wait(lambda: page.n_ignored == 1)
    assert wait(lambda: page.n_browsers == 0)
    assert "Traceback" not in caplog.text


def wait(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


# -- where it listens --------------------------------------------------------------------------------------


def test_where_it_listens(stand):
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


def test_errors_are_one_sentence(stand):
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


def test_it_leaves_nothing_behind(stand):
    def left():
        return len(asyncio.all_tasks(stand.loop))

    before = stand.call(left)
    for _ in range(3):
        page = stand.serve()
        socket = WebSocket(stand, session_of(page)["token"])
        socket.read()
        assert wait(lambda page=page: page.n_browsers == 1)
        port = page.port
        stand.shut()
        stand.serve(port=port)
        stand.shut()
        socket.close()
    assert wait(lambda: stand.call(left) <= before)


def test_a_browser_that_does_not_answer_is_gone_soon(stand, monkeypatch):
    monkeypatch.setattr(server, "PING_S", 0.3)
    page = stand.serve()
    token = session_of(page)["token"]
    with socket.create_connection(("127.0.0.1", page.port)) as silent:
        silent.sendall(
            (
                f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nOrigin: http://127.0.0.1:{page.port}\r\n"
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
                f"Sec-WebSocket-Protocol: bokeh, {token}\r\n\r\n"
            ).encode()
        )
        assert wait(lambda: page.n_browsers == 1)
        assert wait(lambda: page.n_browsers == 0, 12.0)  # it is told, and given 5 s to answer


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//[", "http://\u2100"])
def test_an_origin_that_is_no_address(origin):
    """It comes from elsewhere, and is no fault of the server's."""
    start = RequestStartLine("POST", "/ask", "HTTP/1.1")
    headers = HTTPHeaders({"Origin": origin, "Host": "[::1]:5"})
    asked = HTTPServerRequest(start_line=start, headers=headers, connection=SimpleNamespace())
    assert access.Access(False, 5).refusal(asked) == "it comes from another page"


def test_arrays_are_not_collected(stand):
    """Bokeh would keep as many as a message says that follow, without end."""
    page = stand.serve()
    head = ('{"msgid": "1", "msgtype": "PATCH-DOC", "num_buffers": 1000000}', "{}", '{"events": []}')
    with WebSocket(stand, session_of(page)["token"]) as socket:
        socket.read()
        socket.send(*head, '{"id": "x"}', b"\0" * 1000)
        while socket.read() is not None:
            pass
    assert page.n_ignored == 1


def test_no_browser_asks_without_end(stand):
    """Each answer is the whole document, which takes the run's time to make."""
    page = stand.serve()
    with WebSocket(stand, session_of(page)["token"]) as socket:
        told = []
        for _ in range(MOST_READS + 1):
            socket.message("PULL-DOC-REQ", {})
        while (fragment := socket.read()) is not None:
            told.append(fragment)
    assert sum('"PULL-DOC-REPLY"' in one for one in told) == MOST_READS
    assert page.n_ignored == 1


def test_a_question_to_a_session_that_has_just_ended(stand, caplog):
    """Bokeh has no answer then, which is no fault of the server's."""
    page = stand.serve()
    with WebSocket(stand, session_of(page)["token"]) as socket:
        for _ in range(3):
            socket.read()
        [session] = stand.call(page._application.get_sessions, "/")
        stand.call(setattr, session, "_destroyed", True)
        socket.message("PULL-DOC-REQ", {})
        while socket.read() is not None:
            pass
    assert "Uncaught" not in caplog.text
