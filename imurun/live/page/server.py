"""HTTP server of the live page, in the process and the event loop of the run."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.iostream import IOStream
from tornado.template import Loader
from tornado.web import Application, RequestHandler

from imurun.errors import PageError
from imurun.live.page.access import THIS_MACHINE, TOKEN_ARGUMENT, Access, forget_token
from imurun.live.page.handlers import (
    CommandHandler,
    Commands,
    FileHandler,
    ForbiddenHandler,
    IndexHandler,
    NotFoundHandler,
    UpdateSocket,
)
from imurun.live.page.messages import MIN_INTERVAL_S, Updates
from imurun.live.page.trends import SPANS
from imurun.live.state import FRESH_S, METRICS, Controls, RunState

logger = logging.getLogger(__name__)

FOLDER = Path(__file__).parent
FILES = {"page.css": "text/css", "page.js": "text/javascript", "charts.js": "text/javascript"}
BIG = ("cadence_spm", "contact_time_ms", "peak_impact_g", "roll_rom_deg")
"""Metrics with large digits; the others of `METRICS` have small ones."""

MAX_BYTES = 16_384
"""Longest message from a browser; the longest that the page sends is far shorter."""
MAX_PORT = 65_535
PING_S = 5.0
"""A browser that does not answer a ping within this time is disconnected."""
IDLE_S = 20.0
"""A connection without a request, or with an incomplete one, is closed after this time."""
MAX_CONNECTIONS = 128
"""Connections besides web sockets. Each is an open file of the process, and the recording needs some too."""
SEND_BUFFER_BYTES = 65_536
"""Of a connection in the operating system: a slow browser skips updates instead of getting old ones late."""
FLUSH_S = 0.3
"""Longest wait, at the end, for browsers to take a message."""


class Page:
    """A page that is being served.

    Attributes:
        address: URL to open in the browser; with the token if the page is shared.
        port: that the server listens on.
    """

    def __init__(self, address: str, port: int, application: PageApplication, http: PageServer) -> None:
        self.address = address
        self.port = port
        self._application = application
        self._http = http

    @property
    def n_ignored(self) -> int:
        """Number of messages that the page does not send."""
        return self._application.commands.n_ignored

    @property
    def n_refused(self) -> int:
        """Number of requests that `Access` refused."""
        return self._application.n_refused

    @property
    def n_connections(self) -> int:
        """Number of open connections that are not web sockets."""
        return self._http.n_connections

    @property
    def n_browsers(self) -> int:
        """Number of browsers that show the run: open web sockets."""
        return len(self._application.sockets)


class PageServer(HTTPServer):
    """Tornado's server with a limited number of connections.

    Attributes:
        n_connections: open connections without web sockets.
    """

    n_connections = 0

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        """Take a new connection, or close it if there are too many."""
        if self.n_connections >= MAX_CONNECTIONS:
            stream.close()
            return
        self.n_connections += 1
        super().handle_stream(stream, address)

    def on_close(self, server_conn: object) -> None:
        """Count down when a connection is closed or becomes a web socket."""
        self.n_connections -= 1
        super().on_close(server_conn)


class PageApplication(Application):
    """Passes each request through `Access` to its handler; only the listed paths exist.

    Attributes:
        access, commands, updates: what the handlers need.
        html: the page.
        n_refused: number of requests that `Access` refused.
        sockets: of the browsers that show the run.
    """

    def __init__(self, access: Access, commands: Commands, updates: Updates, title: str) -> None:
        super().__init__(
            websocket_max_message_size=MAX_BYTES,
            websocket_ping_interval=PING_S,
            websocket_ping_timeout=PING_S,
        )
        self.access, self.commands, self.updates = access, commands, updates
        self.html = _html(title)
        self.n_refused = 0
        self.sockets: set[UpdateSocket] = set()
        self._handlers: dict[str, tuple[type[RequestHandler], dict[str, Any]]] = {
            "/": (IndexHandler, {}),
            **{f"/{name}": (FileHandler, _file(name, kind)) for name, kind in FILES.items()},
            "/command": (CommandHandler, {}),
            "/ws": (UpdateSocket, {}),
        }

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:  # noqa: ARG002
        """Choose the handler. Every request comes through here, and loses its token here."""
        refusal = self.access.refusal(request)
        forget_token(request)
        if refusal:
            self.n_refused += 1
            # an unknown path is not logged: it may contain the token
            path = request.path if request.path in self._handlers else "another path"
            logger.warning("The page refused %s from %s: %s.", path, request.remote_ip, refusal)
            return self.get_handler_delegate(request, ForbiddenHandler)
        handler, options = self._handlers.get(request.path, (NotFoundHandler, {}))
        return self.get_handler_delegate(request, handler, dict(options))

    async def broadcast(self) -> None:
        """Send each browser its updates, until cancelled."""
        while True:
            self.send_updates()
            await asyncio.sleep(MIN_INTERVAL_S)

    def send_updates(self) -> None:
        """Send each browser its update if one is due."""
        for browser in list(self.sockets):
            browser.send_update()

    async def flush(self) -> None:
        """Wait until browsers have taken what was sent, for at most `FLUSH_S`."""
        sending = [browser.sending for browser in self.sockets if browser.sending is not None]
        if sending:
            await asyncio.wait(sending, timeout=FLUSH_S)

    async def close_sockets(self) -> None:
        """Send each browser the close message, and close the connection without waiting for an answer."""
        sockets = list(self.sockets)
        for browser in sockets:
            browser.close(1001, "the run's page is closed")
        await asyncio.sleep(0)
        for browser in sockets:
            browser.hang_up()

    def log_request(self, handler: RequestHandler) -> None:
        """Log nothing: refusals are logged in `find_handler`."""


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
    """Serve the page for the duration of the block, in the running event loop.

    Args:
        states: one for each sensor, at least one.
        controls: that run the commands of the buttons.
        host: address to listen on; a shared page listens on all addresses of this computer unless another is
            given.
        port: to listen on; 0 for any free one.
        share: allow browsers on the network that have the token from the address.
        title: of the page.

    Raises:
        PageError: the port or the address cannot be used, or the address is open to the network and the page
            is not shared.
    """
    if not share and host not in THIS_MACHINE:
        raise PageError(
            f"A page at {host} could be opened from the network without a token; use --share to share it."
        )
    listen_at = "0.0.0.0" if share and host in THIS_MACHINE else host
    listener = _listen(listen_at, port)
    port = listener.getsockname()[1]
    access = Access(share, port)
    updates = Updates(states, asyncio.get_running_loop().time)
    application = PageApplication(access, Commands(states, controls), updates, title)
    http = PageServer(
        application,
        max_body_size=MAX_BYTES,
        max_buffer_size=4 * MAX_BYTES,
        idle_connection_timeout=IDLE_S,
        body_timeout=IDLE_S,
    )
    http.add_socket(listener)
    broadcast = asyncio.create_task(application.broadcast())
    try:
        yield Page(_address(listen_at, port, access.token), port, application, http)
    finally:
        broadcast.cancel()
        # the last update says that the run has ended
        await application.flush()
        application.send_updates()
        await application.flush()
        http.stop()
        await http.close_all_connections()  # before the sockets: a request may still become one
        await application.close_sockets()


def _html(title: str) -> bytes:
    return (
        Loader(str(FOLDER))
        .load("page.html")
        .generate(
            title=title,
            metrics=METRICS,
            big=BIG,
            small=[column for column in METRICS if column not in BIG],
            charts=list(SPANS),
            fresh_s=FRESH_S,
        )
    )


def _file(name: str, content_type: str) -> dict[str, Any]:
    content = (FOLDER / name).read_bytes()
    return {"content": content, "content_type": f"{content_type}; charset=utf-8"}


def _listen(host: str, port: int) -> socket.socket:
    if not 0 <= port <= MAX_PORT:
        raise PageError(f"There is no port {port}; choose one from 1024 to {MAX_PORT} with --port.")
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
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections inherit it
    return listener


def _address(host: str, port: int, token: str | None) -> str:
    shown = _own_address() if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?{TOKEN_ARGUMENT}={token}" if token else "")


def _own_address() -> str:
    """This computer's address in its network: the source address of a datagram, which is not sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737)
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
