"""HTTP connections to providers whose reads obey the active `Clock`.

The SDK's own timeouts are per read of bytes: a provider that sends a keep-alive comment every second would
hold a call for ever, and a blocked read cannot be stopped. Here every read blocks for a quarter of a second
at most and then asks the clock.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import httpcore2
import httpx2

from inference.clock import Expired, active_clock

LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=60.0)


class ClockedStream(httpcore2.NetworkStream):
    """A network stream that reads in slices. Everything else is the inner stream's."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        clock = active_clock()
        if clock is None:
            return self._inner.read(max_bytes, timeout)
        while True:
            try:
                return self._inner.read(max_bytes, clock.slice())
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return ClockedStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class ClockedBackend(httpcore2.SyncBackend):
    """Opens connections whose reads obey the clock."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return ClockedStream(
            super().connect_tcp(host, port, timeout, local_address, socket_options)
        )


class DrainedBody(httpx2.SyncByteStream):
    """A response body that is read to its end when it is closed after a whole answer.

    The SDK stops reading at `[DONE]`, a few bytes before the end, and the connection would be thrown away.
    """

    def __init__(self, inner: httpx2.SyncByteStream) -> None:
        self._inner = inner
        self._parts = iter(inner)

    def __iter__(self) -> Iterator[bytes]:
        yield from self._parts

    def close(self) -> None:
        clock = active_clock()
        try:
            if clock is not None and clock.closing():
                with suppress(httpx2.HTTPError, httpx2.StreamError, Expired):
                    deque(self._parts, maxlen=0)
        finally:
            self._inner.close()


class ClockedTransport(httpx2.HTTPTransport):
    """httpx2's transport with our backend in its pool.

    The pool is replaced because the transport takes no backend of its own; the fault matrix in the tests
    fails at once if a release of httpx2 stops honouring that.
    """

    def __init__(self) -> None:
        super().__init__(limits=LIMITS)
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=ClockedBackend(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = super().handle_request(request)
        body = response.stream
        assert isinstance(body, httpx2.SyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=DrainedBody(body),
            extensions=response.extensions,
        )


def http_client() -> httpx2.Client:
    """A client for one process; the caller closes it. Redirects are not followed: a key must not travel."""
    return httpx2.Client(transport=ClockedTransport(), follow_redirects=False)
