"""HTTP/1.1 to providers on the event loop: connections that are kept, deadlines, and nothing else.

A general client costs a millisecond per request, which is more than everything else that a call does here. What a
tenant has configured is connected to by the address policy (``tenants.outbound``); redirects are not followed.
"""

from __future__ import annotations

import asyncio
import select
import ssl
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast
from urllib.parse import urlsplit

import httptools

from tenants import outbound

IDLE_SECONDS = 60.0
MOST_IDLE = 256
# A provider that is faster than the client must not fill our memory.
MOST_BUFFERED = 1_000_000


class Broken(OSError):
    """The connection ended, or what came is not HTTP, before the response was whole."""


class Parser(Protocol):
    """What is used of ``httptools.HttpResponseParser``, which has no types."""

    def feed_data(self, data: bytes) -> None: ...
    def get_status_code(self) -> int: ...
    def should_keep_alive(self) -> bool: ...


@dataclass(frozen=True)
class Origin:
    """Where to connect. ``is_policed``: a tenant's own endpoint, which may not be everywhere."""

    scheme: str
    host: str
    port: int
    is_policed: bool


class Connection(asyncio.Protocol):
    """One connection; it carries one request at a time."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.idle_since = 0.0
        self._parser = cast(Parser, httptools.HttpResponseParser(self))
        self._transport: asyncio.Transport | None = None
        self._body: deque[bytes] = deque()
        self._buffered = 0
        self._is_asked = self._has_head = self._is_whole = self._is_kept = False
        self._lost: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    # --- used by calls ---

    def send(self, request: bytes) -> None:
        """Begin a request. Raises Broken."""
        if self._transport is None or self._lost is not None:
            raise Broken("the connection was closed")
        self.status, self.headers = 0, {}
        self._is_asked, self._has_head, self._is_whole = True, False, False
        self._body.clear()
        self._transport.write(request)

    async def head(self, due: float) -> None:
        """Until status and headers are there. Raises Broken, TimeoutError."""
        while not self._has_head:
            await self._more(due)

    async def chunk(self, due: float) -> bytes:
        """What has come of the body since; empty at its end. Raises Broken, TimeoutError."""
        while not self._body:
            if self._is_whole:
                return b""
            await self._more(due)
        found = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body.clear()
        if self._buffered > MOST_BUFFERED and self._transport is not None:
            self._transport.resume_reading()
        self._buffered = 0
        return found

    @property
    def is_reusable(self) -> bool:
        """Whether the response is whole, and the provider keeps the connection."""
        return self._is_whole and self._is_kept and self._lost is None

    @property
    def is_open(self) -> bool:
        """Whether another request may be sent, and what comes then is its answer: nothing waits to be read."""
        is_fresh = time.monotonic() - self.idle_since < IDLE_SECONDS
        return self._lost is None and is_fresh and not self._is_readable()

    def close(self) -> None:
        """Give up whatever is under way, at once."""
        if self._transport is not None:
            self._transport.abort()

    def _is_readable(self) -> bool:
        """Whether the end, or something unasked, has come that the loop has not told of yet. One system call."""
        if self._transport is None or self._transport.is_closing():
            return True
        waiting = select.poll()
        waiting.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    async def _more(self, due: float) -> None:
        if self._lost is not None:
            raise Broken(str(self._lost) or "the connection was closed")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout_at(due):
                await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- called by the loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lost = Broken(f"what came is not HTTP: {error}")
            self.close()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        ends_here = self._has_head and not (
            "content-length" in self.headers or "transfer-encoding" in self.headers
        )
        if ends_here and exc is None:
            self._is_whole = True
        self._lost = self._lost or exc or Broken("the provider closed the connection")
        self._wake()

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        """Raises Broken for an answer to nothing: it would be taken for that to the next request."""
        if not self._is_asked:
            raise Broken("a response that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200

    def on_body(self, body: bytes) -> None:
        self._body.append(body)
        self._buffered += len(body)
        if self._buffered > MOST_BUFFERED and self._transport is not None:
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        self._is_whole = self.status >= 200
        self._is_asked = not self._is_whole
        self._is_kept = self._parser.should_keep_alive()


class Connections:
    """The event loop's connections to all providers."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = defaultdict(list)

    async def take(self, origin: Origin, due: float) -> Connection:
        """A kept connection, or a new one. Raises OSError, TimeoutError, OutboundRefused."""
        idle = self._idle[origin]
        while idle:
            if (kept := idle.pop()).is_open:
                return kept
            kept.close()
        async with asyncio.timeout_at(due):
            return await _connected(origin)

    def give_back(self, origin: Origin, connection: Connection) -> None:
        """Keep it for the next call if it can carry one."""
        if connection.is_reusable and len(self._idle[origin]) < MOST_IDLE:
            connection.idle_since = time.monotonic()
            self._idle[origin].append(connection)
        else:
            connection.close()


async def _connected(origin: Origin) -> Connection:
    loop = asyncio.get_running_loop()
    hosts = [origin.host]
    if origin.is_policed:
        hosts = await loop.run_in_executor(
            None, outbound.vetted, origin.host, origin.port, outbound.configured()
        )
    context = _tls() if origin.scheme == "https" else None
    problem: OSError | None = None
    for host in hosts:
        try:
            _, made = await loop.create_connection(
                Connection,
                host,
                origin.port,
                ssl=context,
                server_hostname=origin.host if context else None,
            )
        except OSError as error:
            problem = error
        else:
            return made
    raise problem or Broken(f"{origin.host} has no address")


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@lru_cache(maxsize=1024)
def place_of(base_url: str, *, is_policed: bool) -> tuple[Origin, str, str]:
    """Origin, path prefix and Host header of an endpoint's address. Raises OutboundRefused."""
    if is_policed:
        target = outbound.parse(base_url, outbound.configured())
        return (
            Origin(target.scheme, target.host, target.port, True),
            target.path.rstrip("/"),
            target.authority,
        )
    parts = urlsplit(base_url)
    port = parts.port or outbound.PORTS[parts.scheme]
    origin = Origin(parts.scheme, parts.hostname or "", port, False)
    return origin, parts.path.rstrip("/"), parts.netloc
