"""Request handlers of the live page, and the commands of its buttons.

`server` decides which requests reach them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tornado.web import RequestHandler
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from imurun.live.page.messages import UpdateFeed
from imurun.live.state import MOST_PAIN, Controls, RunState

if TYPE_CHECKING:
    from tornado.iostream import IOStream

    from imurun.live.page.server import PageApplication

logger = logging.getLogger(__name__)

MAX_BROWSERS = 64
"""Sockets open at once."""
MAX_SEND_S = 10.0
"""A browser that has not taken a message after this time is disconnected."""
SENSOR_ARGUMENT = "sensor"
POLICY_VIOLATION = 1008
"""Close code (RFC 6455)."""
COMMAND_FIELDS = {"lap": {"name"}, "pain": {"name", "value"}, "stop": set[str]()}
"""Fields of each command, besides `command` itself."""

_HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[0-9a-fA-F:.]+\](:\d+)?")


class BaseHandler(RequestHandler):
    """Sets headers that forbid browsers to cache or frame an answer, or to load anything from elsewhere."""

    application: PageApplication

    def set_default_headers(self) -> None:
        """Set the headers of every answer, refusals included."""
        host = self.request.host if _HOST.fullmatch(self.request.host) else ""
        self.set_header("Cache-Control", "no-store")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
            f"connect-src 'self' ws://{host} wss://{host}; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        )
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")


class IndexHandler(BaseHandler):
    """Sends the page, which contains no data."""

    def get(self) -> None:
        """Send the page, and the token as a cookie for the requests that the page makes."""
        access = self.application.access
        if access.token is not None:
            self.set_cookie(access.cookie, access.token, httponly=True, samesite="Strict", path="/")
        self.finish(self.application.html)


class FileHandler(BaseHandler):
    """Sends a script or style sheet of the page."""

    def initialize(self, content: bytes, content_type: str) -> None:
        """Take the arguments of the handler, as Tornado passes them."""
        self._content, self._content_type = content, content_type

    def get(self) -> None:
        """Send the file."""
        self.set_header("Content-Type", self._content_type)
        self.finish(self._content)


class Commands:
    """Validates messages from browsers and runs the commands in them.

    Args:
        states: of the sensors; their names are the ones a command may contain.
        controls: that run the commands.

    Attributes:
        n_ignored: number of messages that the page does not send.
    """

    def __init__(self, states: Sequence[RunState], controls: Controls) -> None:
        self.n_ignored = 0
        self._states = states
        self._controls = controls

    def run(self, body: bytes) -> bool:
        """Run the command in a message such as {"command": "pain", "value": 3, "name": null}.

        Returns:
            Whether the message is valid. If not, it is counted and has no other effect.
        """
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict) or not self._is_valid(message):
            self.ignore("a message that no button sends")
            return False
        if message["command"] == "lap":
            self._controls.lap(message["name"])
        elif message["command"] == "pain":
            self._controls.pain(message["value"], message["name"])
        else:
            self._controls.stop()
        return True

    def ignore(self, what: str) -> None:
        """Count and log a message that the page does not send."""
        self.n_ignored += 1
        logger.warning("The page ignored %s.", what)

    def _is_valid(self, message: dict[str, object]) -> bool:
        command = message.get("command")
        if not isinstance(command, str) or command not in COMMAND_FIELDS:
            return False
        if set(message) != COMMAND_FIELDS[command] | {"command"}:
            return False
        names: list[str | None] = [None, *(state.name for state in self._states)]
        if "name" in message and message["name"] not in names:
            return False
        value = message.get("value", 0)
        return type(value) is int and 0 <= value <= MOST_PAIN


class CommandHandler(BaseHandler):
    """Takes the commands of the buttons."""

    def post(self) -> None:
        """Run the command; the status is 400 if it is not valid."""
        self.set_status(200 if self.application.commands.run(self.request.body) else 400)
        self.finish()


class ForbiddenHandler(BaseHandler):
    """Answers requests that `Access` refuses."""

    def prepare(self) -> None:
        """Send status 403 for any method."""
        self.set_status(403)
        self.finish(
            "Not allowed: open the address that imurun printed for this run, or scan its code again.\n"
        )


class NotFoundHandler(BaseHandler):
    """Answers requests for paths that do not exist."""

    def prepare(self) -> None:
        """Send status 404 for any method."""
        self.send_error(404)


class UpdateSocket(BaseHandler, WebSocketHandler):
    """Sends a browser the updates of the run. The sensor is chosen in the address: `/ws?sensor=1`.

    The page sends nothing over the socket. A browser that does is disconnected.
    """

    #           an update is due
    #     idle ------------------> sending      from both: a message comes, no answer to a ping, an error,
    #        ^                        |         the page closes                             ----> closed
    #        +--- message written ----+         from sending: MAX_SEND_S is over            ----> closed
    #
    # A connection in doubt is closed at once: the page opens another, which begins with a complete update.

    _stream: IOStream | None = None
    _feed: UpdateFeed | None = None
    _sending: asyncio.Future[None] | None = None
    _sent_s = 0.0

    def check_origin(self, origin: str) -> bool:
        """Accept the page's own origin only, which `Access` has checked too."""
        return WebSocketHandler.check_origin(self, origin)

    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket, or send status 503 if too many are open: each is an open file of the process."""
        if len(self.application.sockets) >= MAX_BROWSERS:
            self.send_error(503)
            return
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Register the socket and send the first update."""
        self._stream = getattr(self.ws_connection, "stream", None)
        self.set_nodelay(True)
        self._feed = UpdateFeed(self.application.updates, self._chosen())
        self.application.sockets.add(self)
        self.send_update()

    def _chosen(self) -> int:
        """Index of the sensor in the address; the first for anything else."""
        values = self.request.query_arguments.get(SENSOR_ARGUMENT, [b""])
        n_sensors = len(self.application.updates.states)
        # no int(): that takes signs, spaces, underscores and digits of other scripts too
        indices = {str(index).encode(): index for index in range(n_sensors)}
        return indices.get(values[-1], 0)

    def send_update(self) -> None:
        """Send the next message if one is due and the browser has taken the last one.

        At most one message is queued for a browser. What a slow one misses is in its next message; one that
        takes nothing for `MAX_SEND_S` is disconnected. An error disconnects this browser only.
        """
        try:
            now_s = self.application.updates.clock()
            if self.sending is not None:
                if now_s - self._sent_s > MAX_SEND_S:
                    self.hang_up()
                return
            text = self._feed.take() if self._feed is not None else None
            if text is not None:
                self._sending, self._sent_s = asyncio.ensure_future(self.write_message(text)), now_s
                self._sending.add_done_callback(_discard_error)
        except WebSocketClosedError:  # the browser is leaving: on_close follows
            return
        except Exception:
            # a fault in one update must stop neither those of other browsers nor the recording
            logger.exception("An update could not be sent; the browser is disconnected.")
            self.hang_up()

    @property
    def sending(self) -> asyncio.Future[None] | None:
        """The message on its way to the browser, if any."""
        return self._sending if self._sending is not None and not self._sending.done() else None

    def hang_up(self) -> None:
        """Close the connection without the closing handshake, and free what is queued."""
        self.application.sockets.discard(self)
        if self._stream is not None:
            self._stream.close()

    def on_message(self, message: str | bytes) -> None:  # noqa: ARG002
        """Count the message and disconnect the browser."""
        if self not in self.application.sockets:
            return
        self.application.commands.ignore("a message on the web socket")
        self.close(POLICY_VIOLATION, "this socket takes no messages")
        self.hang_up()

    def on_close(self) -> None:
        """Forget the browser."""
        self.application.sockets.discard(self)


def _discard_error(sending: asyncio.Future[None]) -> None:
    """Retrieve the error of a message that was not sent because its browser left."""
    if not sending.cancelled():
        sending.exception()
