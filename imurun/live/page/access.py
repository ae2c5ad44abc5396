"""Access control of the live page: token, cookie, Host and Origin checks."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
"""Host names accepted by a page that is not shared. Any other Host header is rejected (DNS rebinding)."""

TOKEN_BYTES = 24
TOKEN_ARGUMENT = "token"


class Access:
    """Accepts or refuses each request before a handler sees it.

    A page that is not shared listens on this machine only (`server.serve`); requests with another Host are
    refused. A shared page requires the token: in the address on the first request, in a cookie afterwards.
    In both cases, commands and updates are available only to scripts of the page itself.

    Args:
        is_shared: whether browsers on the network may open the page.
        port: that the server listens on.

    Attributes:
        token: None when not shared.
        cookie: its name. It contains the port, because cookies do not distinguish ports.
    """

    def __init__(self, is_shared: bool, port: int) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES) if is_shared else None
        self.cookie = f"imurun_{port}"

    def refusal(self, request: HTTPServerRequest) -> str:
        """The reason to refuse the request, without quoting it; "" if it is accepted."""
        if self.token is None and request.host_name.lower() not in THIS_MACHINE:
            return "its Host is not this machine"
        if not _is_from_page(request):
            return "it comes from another page"
        if self.token is None:
            return ""
        shown = [value.decode("utf-8", "replace") for value in request.arguments.get(TOKEN_ARGUMENT, [])]
        if self.cookie in request.cookies:
            shown.append(request.cookies[self.cookie].value)
        if not shown:
            return "it shows no token"
        if not any(map(self._is_token, shown)):
            return "its token is not the one of this run"
        return ""

    def _is_token(self, shown: str) -> bool:
        assert self.token is not None
        return hmac.compare_digest(shown.encode(), self.token.encode())


def forget_token(request: HTTPServerRequest) -> None:
    """Remove the token from a request after `Access.refusal`, so that it reaches no log or error message."""
    for arguments in (request.arguments, request.query_arguments, request.body_arguments):
        arguments.pop(TOKEN_ARGUMENT, None)
    request.uri, request.query = request.path, ""


def _is_from_page(request: HTTPServerRequest) -> bool:
    """Whether the Origin header names the page itself.

    Browsers send no Origin with a plain GET, so only that may lack it.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        return request.method in {"GET", "HEAD"} and not is_socket
    try:
        return urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:  # not a URL
        return False
