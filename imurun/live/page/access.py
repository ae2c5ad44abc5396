"""Who may look at the page and press its buttons."""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
"""Names under which a page that is not shared may be asked for. Any other name that leads here was made to by
somebody else's name server (DNS rebinding), to read the page from theirs."""

TOKEN_BYTES = 24
TOKEN_ARGUMENT = "token"


class Access:
    """Decides on each request before anything else sees it.

    Not shared, the server listens at this machine only (`server.serve`), and here is refused what asks for it
    under another name. Shared, it answers whoever shows the token: in the address
    for the first time, in a cookie after. Either way buttons and data answer only to the page's own script.

    Attributes:
        token: None when not shared.
        cookie: its name; cookies do not tell ports apart, so the name does.
    """

    def __init__(self, is_shared: bool, port: int) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES) if is_shared else None
        self.cookie = f"imurun_{port}"

    def refusal(self, request: HTTPServerRequest) -> str:
        """Why the request is refused, without quoting it; "" when it is not."""
        if self.token is None and request.host_name.lower() not in THIS_MACHINE:
            return "it asks for another host than this machine"
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
    """Take the token out of a request that was decided on, so that no log or error can repeat it."""
    for arguments in (request.arguments, request.query_arguments, request.body_arguments):
        arguments.pop(TOKEN_ARGUMENT, None)
    request.uri, request.query = request.path, ""


def _is_from_page(request: HTTPServerRequest) -> bool:
    """Whether a browser says that the page itself asks; a plain GET need not say who asks."""
    origin = request.headers.get("Origin")
    if origin is None:
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        return request.method in {"GET", "HEAD"} and not is_socket
    try:
        return urlsplit(origin).netloc.lower() == request.host.lower()
    except ValueError:  # no address at all
        return False
