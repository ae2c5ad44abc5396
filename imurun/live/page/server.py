"""The page's server: in the process and the event loop of the run."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jinja2
from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.server.contexts import BokehSessionContext
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.static_handler import StaticHandler
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream
from tornado.web import ErrorHandler, RequestHandler

from imurun.errors import PageError
from imurun.live.page.access import THIS_MACHINE, TOKEN_ARGUMENT, Access, forget_token
from imurun.live.page.asks import Asks
from imurun.live.page.document import Follower
from imurun.live.page.handlers import AskDoor, FileDoor, PageDoor, RefusedDoor, SessionDoor, Socket
from imurun.live.page.moment import BEAT_S, DRAW_S, Moments
from imurun.live.page.trends import LOAD, PLOTS
from imurun.live.state import FRESH_S, METRICS, Controls, RunState
from imurun.plot_style import SIDES

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
BOKEH_SCRIPT = "js/bokeh.min.js"
BIG = ("cadence_spm", "contact_time_ms", "peak_impact_g", "roll_rom_deg")
"""Metrics with big numerals; the others of `METRICS` get small ones."""

MOST_BYTES = 16_384
"""Of a message from a browser; the longest that the page sends is far shorter."""
MOST_PORT = 65_535
PING_S = 5.0
"""A browser that does not answer for so long is gone, and what waits for it is freed."""
UNUSED_MS = 10_000
"""How long the document of a browser that went away is kept."""
IDLE_S = 20.0
"""A connection that asks for nothing for so long, or takes so long to ask, is closed."""
MOST_CONNECTIONS = 128
"""Besides web sockets. Each takes one of the process's open files, and recording and link need some too."""


class Page:
    """A page that is being served.

    Attributes:
        address: what to open in the browser; with the token when it is shared.
        port: the one that it was given, or that was free.
    """

    def __init__(self, address: str, port: int, application: PageApplication, http: PageServer) -> None:
        self.address = address
        self.port = port
        self._application = application
        self._http = http

    @property
    def n_ignored(self) -> int:
        """How many messages came that the page does not send."""
        return self._application.asks.ignored

    @property
    def n_refused(self) -> int:
        """How many requests came from who may not look."""
        return self._application.n_refused

    @property
    def n_connections(self) -> int:
        """How many connections are open that are no web socket."""
        return self._http.n_connections

    @property
    def n_browsers(self) -> int:
        """How many browsers look."""
        return sum(session.connection_count for session in self._application.get_sessions("/"))


class PageServer(HTTPServer):
    """Tornado's, which by itself takes any number of connections and lets each rest for an hour.

    Attributes:
        n_connections: open ones, without web sockets.
    """

    n_connections = 0

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """A connection was made; one too many is closed."""
        if self.n_connections >= MOST_CONNECTIONS:
            stream.close()
            return
        self.n_connections += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """A connection is closed, or is a web socket from here on."""
        self.n_connections -= 1
        super().on_close(server_conn)


class PageApplication(BokehTornado):
    """Bokeh's server with doors of its own: every request passes `Access`, and only what is listed exists.

    Attributes:
        access, asks, moments: what the doors need.
        html: the page.
        plot_elements: where each plot goes in it, by the plot's name.
        n_refused: requests from who may not look.
        sockets: of the browsers that look.
    """

    def __init__(self, access: Access, asks: Asks, moments: Moments, title: str) -> None:
        def follow(document: Document) -> None:
            context = document.session_context
            assert isinstance(context, BokehSessionContext)
            Follower(document, moments, context.token_payload["chosen"])

        super().__init__(
            Application(FunctionHandler(follow)),
            secret_key=secrets.token_bytes(32),
            sign_sessions=True,
            generate_session_ids=False,
            keep_alive_milliseconds=0,
            check_unused_sessions_milliseconds=UNUSED_MS // 2,
            unused_session_lifetime_milliseconds=UNUSED_MS,
            websocket_max_message_size_bytes=MOST_BYTES,
            websocket_ping_interval=PING_S,
            websocket_ping_timeout=PING_S,
            ico_path="none",
        )
        self.access, self.asks, self.moments = access, asks, moments
        self.plot_elements = {name: f"plot_{name}" for name in PLOTS}
        self.html = _html(title)
        self.n_refused = 0
        self.sockets: set[Socket] = set()
        context = {"application_context": self.applications["/"]}
        self._doors: dict[str, tuple[type[RequestHandler], dict[str, Any], list[bytes]]] = {
            "/": (PageDoor, {}, []),
            "/page.css": (FileDoor, _file("page.css", "text/css"), []),
            "/page.js": (FileDoor, _file("page.js", "text/javascript"), []),
            f"/static/{BOKEH_SCRIPT}": (StaticHandler, {}, [BOKEH_SCRIPT.encode()]),
            "/session": (SessionDoor, context, []),
            "/ask": (AskDoor, {}, []),
            "/ws": (Socket, context | {"bokeh_websocket_path": "/ws"}, []),
        }

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:  # noqa: ARG002
        """The one way in."""
        refusal = self.access.refusal(request)
        forget_token(request)
        if refusal:
            self.n_refused += 1
            # an unknown path may be a token that lost its place
            path = request.path if request.path in self._doors else "another path"
            logger.warning("The page refused %s from %s: %s.", path, request.remote_ip, refusal)
            return self.get_handler_delegate(request, RefusedDoor)
        if request.path not in self._doors:
            return self.get_handler_delegate(request, ErrorHandler, {"status_code": 404})
        door, options, path_args = self._doors[request.path]
        return self.get_handler_delegate(request, door, dict(options), list(path_args))

    async def close_sockets(self) -> None:
        """Say goodbye to all browsers and wait for none."""
        sockets = list(self.sockets)
        for browser in sockets:
            browser.close(1001, "the run's page is closed")
        await asyncio.sleep(0)
        for browser in sockets:
            browser.hang_up()

    def log_request(self, handler: RequestHandler) -> None:
        """What is refused is told above, and what is not is nobody's business."""


@asynccontextmanager
async def serve(
    states: Sequence[RunState],
    controls: Controls,
    *,
    host: str = "127.0.0.1",
    port: int = 5005,
    share: bool = False,
    title: str = "imurun live",
) -> AsyncIterator[Page]:
    """Serve the page as long as the block lasts, in the event loop that runs.

    Args:
        states: one a sensor, at least one.
        controls: what the buttons do.
        host: address to listen at; a shared page listens at all of this computer's unless another is given.
        port: to listen at; 0 for any that is free.
        share: let others on the network look, who have the token of the address.
        title: of the page.

    Raises:
        PageError: the port or the address cannot be used, or the address is open to the network and the page
            not shared.
    """
    if not share and host not in THIS_MACHINE:
        raise PageError(
            f"A page at {host} could be opened from the network without a token; use --share to share it."
        )
    listen_at = "0.0.0.0" if share and host in THIS_MACHINE else host
    listener = _listen(listen_at, port)
    port = listener.getsockname()[1]
    access = Access(share, port)
    moments = Moments(states, asyncio.get_running_loop().time)
    application = PageApplication(access, Asks(states, controls), moments, title)
    http = PageServer(
        application,
        max_body_size=MOST_BYTES,
        max_buffer_size=4 * MOST_BYTES,
        idle_connection_timeout=IDLE_S,
        body_timeout=IDLE_S,
    )
    server = BaseServer(IOLoop.current(), application, http)
    http.add_socket(listener)
    server.start()
    try:
        yield Page(_address(listen_at, port, access.token), port, application, http)
    finally:
        if application.sockets:
            await asyncio.sleep(DRAW_S + BEAT_S)  # that the run has ended is still told
        server.stop()
        await application.close_sockets()
        await http.close_all_connections()
        for session in application.get_sessions("/"):
            session.destroy()


def _html(title: str) -> str:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((FOLDER / "page.html").read_text(encoding="utf-8"))
    return template.render(
        title=title,
        bokeh_script=f"static/{StaticHandler.append_version(BOKEH_SCRIPT)}",
        metrics=METRICS,
        big=BIG,
        small=[column for column in METRICS if column not in BIG],
        trends=[name for name in PLOTS if name != LOAD],
        sides=SIDES,
        fresh_s=FRESH_S,
    )


def _file(name: str, content_type: str) -> dict[str, Any]:
    content = (FOLDER / name).read_bytes()
    return {"content": content, "content_type": f"{content_type}; charset=utf-8"}


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= MOST_PORT:
        raise PageError(f"There is no port {port}; choose one from 1024 to {MOST_PORT} with --port.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PageError(
                f"Port {port} is taken, perhaps by another run; choose another one with --port."
            ) from error
        if error.errno == errno.EACCES:
            raise PageError(
                f"Port {port} may not be used by this account; choose one from 1024 with --port."
            ) from error
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise PageError(f"No page can be served at {host}: {why}.") from error
    listener.setblocking(False)
    return listener


def _address(host: str, port: int, token: str | None) -> str:
    shown = _own_address() if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?{TOKEN_ARGUMENT}={token}" if token else "")


def _own_address() -> str:
    """This computer's address in its network. Nothing is sent: it is the one that would be used to send."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
