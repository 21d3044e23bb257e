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
from tenants.outbound import Policy
from tenants.pinned import PinnedBackend

LIMITS = httpx2.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=60.0)


class ClosedWhileIdle(httpcore2.RemoteProtocolError):
    """A kept connection ended before a byte of this request's answer: its server had closed it in the meantime."""


class ClockedStream(httpcore2.NetworkStream):
    """A network stream that reads in slices, and tells the end of a kept connection from that of a new one."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner
        self._kept = False
        self._answering = False

    @property
    def is_answering(self) -> bool:
        """Whether anything was read since the request."""
        return self._answering

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            data = self._read(max_bytes, timeout)
        except httpcore2.ReadError as error:
            if self._kept and not self._answering:
                raise ClosedWhileIdle(str(error)) from error
            raise
        if not data and self._kept and not self._answering:
            raise ClosedWhileIdle("the server closed the kept connection")
        self._answering = self._answering or bool(data)
        return data

    def _read(self, max_bytes: int, timeout: float | None) -> bytes:
        clock = active_clock()
        if clock is None:
            return self._inner.read(max_bytes, timeout)
        while True:
            try:
                return self._inner.read(max_bytes, clock.slice())
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._answering:  # what comes after an answer is the next request
            self._kept, self._answering = True, False
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
    """Opens connections whose reads obey the clock; with a policy, to the addresses that it allows."""

    def __init__(self, policy: Policy | None) -> None:
        self._opener = PinnedBackend(policy) if policy else httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        return ClockedStream(
            self._opener.connect_tcp(host, port, timeout, local_address, socket_options)
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

    def __init__(self, policy: Policy | None) -> None:
        super().__init__(limits=LIMITS)
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=ClockedBackend(policy),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._answered(request)
        _check_asked(response)
        body = response.stream
        assert isinstance(body, httpx2.SyncByteStream)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=DrainedBody(body),
            extensions=response.extensions,
        )

    def _answered(self, request: httpx2.Request) -> httpx2.Response:
        """The response. A request that met a connection closed while idle is sent once more, as the same attempt.

        Such a server has not read it; one that died over it is asked again as after any failure, only sooner.
        """
        try:
            return super().handle_request(request)
        except httpx2.RemoteProtocolError as error:
            has_whole_body = isinstance(request.stream, httpx2.ByteStream)
            if not (isinstance(error.__cause__, ClosedWhileIdle) and has_whole_body):
                raise
        return super().handle_request(request)


def _check_asked(response: httpx2.Response) -> None:
    """Raises RemoteProtocolError for a response that was there before its request, behind the one before.

    The pool looks whether a kept connection can be read, but what was read along with an answer stays in its parser.
    """
    stream = response.extensions.get("network_stream")
    if isinstance(stream, ClockedStream) and not stream.is_answering:
        response.close()
        raise httpx2.RemoteProtocolError("a response that nobody asked for")


def http_client(policy: Policy | None = None) -> httpx2.Client:
    """A client for one process; the caller closes it. Redirects are not followed: a key must not travel.

    ``policy``: which addresses it may connect to; None (the operator's own endpoint) means any.
    """
    return httpx2.Client(transport=ClockedTransport(policy), follow_redirects=False)
