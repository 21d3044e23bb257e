"""The network under a session: pinned connections whose every read and write ends by one deadline.

A server that sends one byte a second stays within any limit per read; so all of them share the request's deadline.
"""

import ssl
from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore2

from tenants.outbound import Policy, Resolver
from tenants.pinned import PinnedBackend


class Deadline:
    """When the request under way must have ended; the session sets it anew for each."""

    def __init__(self) -> None:
        self._ends = 0.0

    def begin(self, seconds: float) -> None:
        self._ends = monotonic() + seconds

    def within(self, timeout: float | None) -> float:
        """Seconds for the next step, at most ``timeout``; zero or less when the time is over."""
        left = self._ends - monotonic()
        return left if timeout is None else min(left, timeout)


class TimedStream(httpcore2.NetworkStream):
    """A stream that obeys a deadline."""

    def __init__(self, inner: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._inner, self._deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.within(timeout)
        if left <= 0:
            raise httpcore2.ReadTimeout("the deadline has passed")
        return self._inner.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.within(timeout)
        if left <= 0:
            raise httpcore2.WriteTimeout("the deadline has passed")
        self._inner.write(buffer, left)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.within(timeout)
        if left <= 0:
            raise httpcore2.ConnectTimeout("the deadline has passed")
        return TimedStream(
            self._inner.start_tls(ssl_context, server_hostname, left), self._deadline
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class TimedBackend(PinnedBackend):
    """Opens pinned connections that obey a deadline."""

    def __init__(self, policy: Policy, resolver: Resolver | None, deadline: Deadline) -> None:
        super().__init__(policy, resolver)
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        left = self._deadline.within(timeout)
        opened = super().connect_tcp(host, port, left, local_address, socket_options)
        return TimedStream(opened, self._deadline)
