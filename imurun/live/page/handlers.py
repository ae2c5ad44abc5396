"""The doors of the page's server: one handler each. `server` decides who gets to them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bokeh.protocol.exceptions import MessageError, ProtocolError, ValidationError
from bokeh.server.contexts import ApplicationContext
from bokeh.server.views.ws import WSHandler
from bokeh.util.token import generate_jwt_token, generate_session_id
from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

if TYPE_CHECKING:
    from imurun.live.page.server import PageApplication

MOST_SESSIONS = 64
"""Browsers at once, those that left within the last seconds included."""
SESSION_EXPIRY_S = 60
MOST_READS = 8
"""Questions of one browser: the page asks for its document once, and each answer takes time from the run."""
READS = frozenset({"PULL-DOC-REQ", "SERVER-INFO-REQ"})
"""Bokeh's messages that only ask."""
HOUSEKEEPING = frozenset({"document_ready", "connection_lost", "client_reconnected"})
"""Events that bokeh's own script sends from an untouched page."""
LAYOUT = frozenset({"inner_width", "inner_height", "outer_width", "outer_height"})
"""Sizes in pixels that it reports of its plots."""

_HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?")


class Door(RequestHandler):
    """Nothing of the page may be kept, framed, or fetch anything from elsewhere."""

    application: PageApplication

    def set_default_headers(self) -> None:
        """Headers of every answer, refusals included."""
        host = self.request.host if _HOST.fullmatch(self.request.host) else ""
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Security-Policy",
            # bokeh lays its plots out with inline styles
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; "
            f"connect-src 'self' ws://{host} wss://{host}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        )
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")


class PageDoor(Door):
    """The page, without any data."""

    def get(self) -> None:
        """Show it, and let the browser keep the token for what the page asks for next."""
        access = self.application.access
        if access.token is not None:
            self.set_cookie(access.cookie, access.token, httponly=True, samesite="Strict", path="/")
        self.finish(self.application.html)


class FileDoor(Door):
    """The page's own script and style."""

    def initialize(self, content: bytes, content_type: str) -> None:
        """Tornado's way to give a door what it needs."""
        self._content, self._content_type = content, content_type

    def get(self) -> None:
        """The file."""
        self.set_header("Content-Type", self._content_type)
        self.finish(self._content)


class SessionDoor(Door):
    """A document of its own for the browser that asks: what bokeh's script needs to show it."""

    def initialize(self, application_context: ApplicationContext) -> None:
        """Tornado's way to give a door what it needs."""
        self._context = application_context

    async def post(self) -> None:
        """Make one; 503 when too many look already."""
        if len(list(self._context.sessions)) >= MOST_SESSIONS:
            self.send_error(503)
            return
        key = self.application.secret_key
        session_id = generate_session_id(secret_key=key, signed=True)
        token = generate_jwt_token(
            session_id,
            secret_key=key,
            signed=True,
            expiration=SESSION_EXPIRY_S,
            extra_payload={"chosen": self._chosen()},
        )
        session = await self._context.create_session_if_needed(session_id, self.request, token)
        plots = [root for root in session.document.roots if root.name in self.application.plot_elements]
        self.finish(
            {
                "token": token,
                "root_ids": [plot.id for plot in plots],
                "roots": {plot.id: self.application.plot_elements[str(plot.name)] for plot in plots},
                "use_for_title": False,
            }
        )

    def _chosen(self) -> int:
        try:
            chosen = json.loads(self.request.body)["chosen"]
        except (ValueError, RecursionError, TypeError, KeyError):
            return 0
        return chosen if type(chosen) is int and 0 <= chosen < len(self.application.moments.states) else 0


class AskDoor(Door):
    """A button was pressed."""

    def post(self) -> None:
        """Do it, or count it as nothing of the page's with 400."""
        self.set_status(200 if self.application.asks.take(self.request.body) else 400)
        self.finish()


class RefusedDoor(Door):
    """For whoever may not look."""

    def prepare(self) -> None:
        """Answer whatever the method is."""
        self.set_status(403)
        self.finish(
            "Not allowed: open the address that imurun printed for this run, or scan its code again.\n"
        )


class Socket(WSHandler):
    """Tells a browser what its document is, and takes nothing from it: buttons go through `AskDoor`.

    Attributes:
        n_reads: how often it was asked.
    """

    application: PageApplication
    n_reads = 0

    def check_origin(self, origin: str) -> bool:
        """The page's own host only, which `Access` has also seen to."""
        return WebSocketHandler.check_origin(self, origin)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """A browser is there; one too many is hung up on, for each takes one of the process's open files."""
        self._connection = self.ws_connection
        if len(self.application.sockets) >= MOST_SESSIONS:
            self.hang_up()
            return
        self.application.sockets.add(self)
        try:
            super().open(*args, **kwargs)
        # a session that this server did not sign: bokeh says so in several ways
        except (ProtocolError, ValueError, KeyError, TypeError, AttributeError):
            self.application.asks.ignore("a web socket with a made-up session")
            self.close()

    def hang_up(self) -> None:
        """Be gone without waiting for the browser's answer."""
        if self._connection is not None and self._connection.stream is not None:
            self._connection.stream.close()

    def on_close(self) -> None:
        """A browser is gone."""
        self.application.sockets.discard(self)
        if self.connection is None or not self.connection.session.destroyed:
            super().on_close()

    async def send_message(self, message: Any) -> None:
        """Bokeh's way to tell the browser something."""
        with suppress(WebSocketClosedError):  # browsers come and go
            await message.send(self)

    async def on_message(self, fragment: str | bytes) -> None:
        """Answer what only asks; count the rest, but for bokeh's own housekeeping."""
        asks = self.application.asks
        if self.receiver is None or self.handler is None or self.connection is None:
            asks.ignore("a message before the session began")
            return
        if not isinstance(fragment, str):
            # the page sends no arrays; taken one by one, they would be kept without end
            asks.ignore("bytes that belong to no message")
            self.close()
            return
        try:
            message = await self.receiver.consume(fragment)
        except (
            MessageError,
            ProtocolError,
            ValidationError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
        ):
            asks.ignore("bytes that are no message")
            self.close()
            return
        if message is None:
            return
        if message.msgtype in READS:
            self.n_reads += 1
            if self.n_reads > MOST_READS:
                asks.ignore("more questions than the page has")
                self.close()
                return
            reply = await self.handler.handle(message, self.connection)
            if reply is None:  # the session has just ended: the browser asks for another at once
                self.close()
            else:
                await self.send_message(reply)
        elif not (message.msgtype == "PATCH-DOC" and _is_housekeeping(message.content)):
            asks.ignore("a message that would change the document")


def _is_housekeeping(content: Any) -> bool:
    """Whether a patch has nothing but what bokeh's script sends by itself; it is not applied either."""
    events = content.get("events") if isinstance(content, dict) else None
    return isinstance(events, list) and all(map(_is_housekeeping_event, events))


def _is_housekeeping_event(event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    if event.get("kind") == "MessageSent":
        data = event.get("msg_data")
        return isinstance(data, dict) and data.get("name") in HOUSEKEEPING
    return event.get("kind") == "ModelChanged" and event.get("attr") in LAYOUT
