"""The outermost layer of every request, and the Content-Security-Policy of every page.

``RequestBoundary`` gives each request an id that stands in the response and in the logs, refuses what no part below can
store (NUL), and turns a database that cannot be reached into a 503 that says when to come back. What goes wrong further
out than a view (a session that cannot be read) ends in ``config.error_pages.server_error``, which says the same.
"""

import re
import secrets
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from config import error_pages

REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}\Z")
FORM = "application/x-www-form-urlencoded"
# A form larger than this is refused by Django itself; there is no need to read it first.
LARGEST_FORM = 1024 * 1024

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestBoundary:
    """Request id, NUL bytes, and a database that is away."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.id = request_id(request)  # type: ignore[attr-defined]
        nul = holds_nul(request)
        response = error_pages.nul_refused(request, nul) if nul else self.get_response(request)
        response["X-Request-ID"] = request.id  # type: ignore[attr-defined]
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A page for the errors that are nobody's bug; None leaves the others to ``server_error``."""
        return error_pages.expected(request, error)


def request_id(request: HttpRequest) -> str:
    """The caller's id if it is a plain one, so that a proxy's log and ours can be joined; else a new one."""
    given = request.headers.get("X-Request-ID", "")
    return given if REQUEST_ID.match(given) else secrets.token_hex(16)


def holds_nul(request: HttpRequest) -> str:
    """Where the request holds a NUL character, in words; empty when it does not."""
    if "\x00" in request.path:
        return "path"
    if b"\x00" in unquote_to_bytes(request.META.get("QUERY_STRING", "")):
        return "query"
    return "form" if _is_small_form(request) and b"\x00" in unquote_to_bytes(request.body) else ""


def _is_small_form(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or ""
    return request.content_type == FORM and length.isdecimal() and int(length) <= LARGEST_FORM


SELF_ONLY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "font-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "object-src": "'none'",
}
# The admin's theme drives its widgets with Alpine.js, which compiles expressions and sets inline styles.
ADMIN = SELF_ONLY | {
    "script-src": "'self' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
}
# The API's documentation page (Swagger UI, from our own origin) sets inline styles.
API_DOCS = SELF_ONLY | {"style-src": "'self' 'unsafe-inline'"}


class ContentSecurity:
    """A strict Content-Security-Policy on everything, with two named, narrow exceptions."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.setdefault("Content-Security-Policy", policy(request.path))
        if response.headers.get("Content-Type", "").startswith("text/html"):
            # Pages hold what one person may read: no shared cache keeps them, and a browser asks again.
            response.setdefault("Cache-Control", "private, no-cache")
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


def policy(path: str) -> str:
    """The policy of the page at ``path``."""
    if path.startswith("/admin/"):
        rules = ADMIN
    elif path.startswith("/api/docs"):
        rules = API_DOCS
    else:
        rules = SELF_ONLY
    return "; ".join(f"{name} {value}" for name, value in rules.items())
