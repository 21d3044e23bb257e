"""A small web site on a real socket, for what fetches: pages with ETags, redirects, bombs, slowness.

``site.pages["/a"] = Page(b"...")`` serves a page; a callable instead of a page answers for itself with the handler.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Page:
    """What one path answers with. ``etag`` is made of the body unless given; empty: none."""

    body: bytes
    media_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None

    @property
    def tag(self) -> str:
        if self.etag is not None:
            return self.etag
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


Answer = Page | Callable[["Handler"], None]


@dataclass(frozen=True)
class Hit:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class WebSite:
    """A server of a test's own."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.pages: dict[str, Answer] = {}
        self.fallback: Answer | None = None
        self.hits: list[Hit] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        kind = type("Server", (_Server,), {"address_family": family})
        self._server: Any = kind((host, 0), Handler)
        self._server.site = self
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [hit.path for hit in self.hits]

    def __enter__(self) -> WebSite:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    site: WebSite

    def handle_error(self, *_: object) -> None:
        """A client that goes away is what several tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet per answer: the client would wait 40 ms for the second one.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        site = self.server.site
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        site.hits.append(Hit(self.command, self.path, headers, body))
        found = site.pages.get(self.path, site.fallback)
        if callable(found):
            found(self)
        else:
            self.answer(found or Page(b"not here", "text/plain", 404, etag=""))

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815  the names that http.server looks for

    def answer(self, page: Page) -> None:
        """Send a page, or 304 when the client has it already."""
        unchanged = page.tag and self.headers.get("if-none-match") == page.tag
        modified = page.headers.get("Last-Modified")
        unchanged = unchanged or (modified and self.headers.get("if-modified-since") == modified)
        self.send_response(304 if unchanged and page.status == 200 else page.status)
        if page.tag:
            self.send_header("ETag", page.tag)
        for name, value in page.headers.items():
            self.send_header(name, value)
        if unchanged and page.status == 200:
            self.end_headers()
            return
        self.send_header("Content-Type", page.media_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def redirect(self, location: str, status: int = 302) -> None:
        self.answer(Page(b"", status=status, headers={"Location": location}, etag=""))

    def log_message(self, *_: object) -> None:
        """Quiet."""


def leads_to(location: str, status: int = 302) -> Callable[[Handler], None]:
    """An answer that redirects."""
    return lambda handler: handler.redirect(location, status)
