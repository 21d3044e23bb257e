"""Requests on pinned connections: ``fetch`` for one, ``Session`` for many. Redirects are followed here, hop by hop.

No proxy and no other variable of the environment has a say. A session belongs to one thread.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import TracebackType

import httpcore2
import httpx2
from django.conf import settings

from ingestion.fetching import body
from ingestion.fetching.errors import FetchFailed, FetchRefused
from ingestion.fetching.response import Fetched
from ingestion.fetching.wire import Deadline, TimedBackend
from tenants import outbound
from tenants.outbound import OutboundRefused, Policy, Resolver, Target

AGENT = "Footnote/0.1"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What may follow a redirect to somewhere else; everything else might be a secret.
_HARMLESS = frozenset({"accept", "accept-language", "if-modified-since", "if-none-match"})


def _largest() -> int:
    return int(settings.UPLOAD_LIMIT_BYTES)


@dataclass(frozen=True)
class Limits:
    """Bytes of the body, decoded or not; seconds for everything together, redirects included."""

    most_bytes: int = field(default_factory=_largest)
    seconds: float = 60.0
    connect_seconds: float = 10.0
    silent_seconds: float = 20.0
    redirects: int = 5


class Session:
    """Connections that are kept between requests. Close it, or use it in a ``with``."""

    def __init__(
        self,
        *,
        policy: Policy | None = None,
        resolver: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.policy = policy or outbound.configured()
        self._deadline = Deadline()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls or _tls(),
            max_connections=8,
            max_keepalive_connections=4,
            keepalive_expiry=30.0,
            network_backend=TimedBackend(self.policy, resolver, self._deadline),
        )

    def fetch(
        self,
        url: str,
        *,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        content: bytes = b"",
    ) -> Fetched:
        """The answer to one request, whatever its status. Raises FetchRefused and FetchFailed.

        Headers go along on redirects within one origin; to another one only those that tell nothing.
        """
        limits, sent = limits or Limits(), _lowered(headers)
        self._deadline.begin(limits.seconds)
        try:
            target = outbound.parse(url, self.policy)
            for _ in range(limits.redirects + 1):
                found = self._ask(target, method, sent, content, limits)
                if isinstance(found, Fetched):
                    return found
                following = outbound.follow(target, found, self.policy)
                sent = sent if following.origin == target.origin else _harmless(sent)
                target = following
        except OutboundRefused as refusal:
            raise FetchRefused(refusal.code, refusal.message, refusal.remedy) from refusal
        raise FetchRefused(
            "too_many_redirects",
            f"The address leads on more than {limits.redirects} times.",
            "Give the address that it ends at.",
        )

    def close(self) -> None:
        self._pool.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(
        self,
        target: Target,
        method: str,
        headers: Mapping[str, str],
        content: bytes,
        limits: Limits,
    ) -> Fetched | str:
        """The answer, or where it says to look instead."""
        try:
            with self._pool.stream(
                method,
                httpcore2.URL(
                    scheme=target.scheme.encode(),
                    host=target.host.encode(),
                    port=target.port,
                    target=target.path.encode(),
                ),
                headers=_request_headers(target, headers, content),
                content=content or None,
                extensions={"timeout": _timeouts(limits)},
            ) as response:
                return _answer(response, target, method, limits)
        except httpcore2.TimeoutException as error:
            raise FetchFailed(
                "timed_out",
                f"{target.host} did not answer in time.",
                "Try again later, or check that the server is up.",
            ) from error
        except httpcore2.LocalProtocolError as error:
            raise FetchRefused(
                "bad_header", f"The request cannot be sent: {error}.", "Check the credentials."
            ) from error
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            raise _failure(error, target) from error


def fetch(
    url: str,
    *,
    limits: Limits | None = None,
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    content: bytes = b"",
) -> Fetched:
    """One request on a connection of its own; see ``Session.fetch``."""
    with Session() as session:
        return session.fetch(url, limits=limits, headers=headers, method=method, content=content)


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Certificates are verified against the name. Costs 30 ms, once."""
    return httpx2.create_ssl_context(trust_env=False)


def _answer(
    response: httpcore2.Response, target: Target, method: str, limits: Limits
) -> Fetched | str:
    headers = _joined(response.headers)
    leads_on = response.status in _REDIRECTS and "location" in headers
    if leads_on and limits.redirects:
        if method not in ("GET", "HEAD"):
            raise FetchRefused(
                "redirected",
                f"{target.host} leads on to another address.",
                "Give the address that it ends at.",
            )
        return headers["location"]
    parts = response.iter_stream() if method != "HEAD" else iter(())
    kept, size, digest = body.read(parts, {} if method == "HEAD" else headers, limits.most_bytes)
    return Fetched(response.status, target.url, headers, kept, size, digest)


def _request_headers(
    target: Target, headers: Mapping[str, str], content: bytes
) -> list[tuple[bytes, bytes]]:
    sent = {
        "host": target.authority,
        "user-agent": f"{AGENT} (+{settings.PUBLIC_URL})" if settings.PUBLIC_URL else AGENT,
        "accept": "*/*",
        "accept-encoding": "gzip, deflate",
        **headers,
    }
    if content:
        sent["content-length"] = str(len(content))
    try:
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in sent.items()]
    except UnicodeEncodeError as error:
        raise FetchRefused(
            "bad_header",
            "A header has characters that HTTP does not know.",
            "Check the credentials.",
        ) from error


def _timeouts(limits: Limits) -> dict[str, float]:
    silent = limits.silent_seconds
    return {
        "connect": limits.connect_seconds,
        "read": silent,
        "write": silent,
        "pool": limits.connect_seconds,
    }


def _joined(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name; what comes several times is joined by commas, as HTTP has it."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _lowered(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.lower(): value for name, value in (headers or {}).items()}


def _harmless(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in _HARMLESS}


def _failure(error: Exception, target: Target) -> FetchFailed | FetchRefused:
    if found := _caused_by(error, ssl.SSLCertVerificationError):
        return FetchRefused(
            "certificate",
            f"The certificate of {target.host} is not valid: {getattr(found, 'verify_message', '')}.",
            "Tell whoever runs that server.",
        )
    if _caused_by(error, outbound.NameUnresolved):
        return FetchFailed(
            "name_unresolved", f"There is no host {target.host!r}.", "Check the spelling."
        )
    if isinstance(error, httpcore2.ConnectError):
        return FetchFailed(
            "unreachable",
            f"{target.host} cannot be reached on port {target.port}.",
            "Check the address, and that the server is up.",
        )
    return FetchFailed(
        "broken_off", f"{target.host} broke the answer off.", "It is tried again later."
    )


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error
