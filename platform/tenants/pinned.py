"""Connections that go to the address that was checked: the network backend under every outbound HTTP client.

The host is resolved once, by ``outbound.vetted``, and the socket is opened to that very address; TLS still verifies the
host's name, and the Host header still says it. A name whose second answer is another one gains nothing.
"""

from collections.abc import Iterable
from time import monotonic
from typing import Any

import httpcore2

from tenants import outbound
from tenants.outbound import NameUnresolved, Policy, Resolver

CONNECT_SECONDS = 10.0


class PinnedBackend(httpcore2.SyncBackend):
    """Opens connections to allowed addresses only.

    Raises OutboundRefused besides what the transport raises (ConnectError, ConnectTimeout).
    """

    def __init__(self, policy: Policy, resolver: Resolver | None = None) -> None:
        self._policy, self._resolver = policy, resolver

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        ends = monotonic() + (CONNECT_SECONDS if timeout is None else timeout)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port, ends):
            left = ends - monotonic()
            if left <= 0:
                raise httpcore2.ConnectTimeout("no connection in time")
            try:
                return super().connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore2.NetworkStream:
        raise httpcore2.ConnectError("no sockets of this machine")

    def _addresses(self, host: str, port: int, ends: float) -> list[str]:
        try:
            return outbound.vetted(
                host,
                port,
                self._policy,
                resolver=self._resolver,
                seconds=ends - monotonic(),
            )
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error
        except NameUnresolved as error:
            raise httpcore2.ConnectError(str(error)) from error
