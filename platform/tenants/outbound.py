"""Where Footnote may connect to on a tenant's behalf: a fetched page, a bucket, a tenant's own model endpoint.

``parse`` turns what somebody typed into the parts that a connection is made of, or says why not; there is no second
reading of the text anywhere, so no two parsers can disagree. ``vetted`` resolves a host once and answers with the very
addresses to connect to; one address that is not allowed spoils the name. The operator opens networks and ports by
FOOTNOTE_OUTBOUND_NETWORKS and FOOTNOTE_OUTBOUND_PORTS.
"""

import queue
import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import quote, urljoin

import idna
from django.conf import settings

from tenants.addresses import Address, Network, trouble

Resolver = Callable[[str, int], Sequence[str]]
LONGEST_URL = 8000
PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]@%]+)(?::([0-9]{1,5}))?")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f\\]")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_DOTTED = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}")
_KEPT = "/:;@!$&'()*+,=?~%-._[]|"
EXAMPLE = "Give an address such as https://example.com/handbook."


class OutboundRefused(ValueError):
    """A connection that is not made. ``code`` is for machines, the sentences for whoever typed the address."""

    def __init__(self, code: str, message: str, remedy: str = "") -> None:
        super().__init__(code, message, remedy)
        self.code, self.message, self.remedy = code, message, remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class NameUnresolved(OSError):
    """The host's name has no address, at least not now."""


@dataclass(frozen=True)
class Policy:
    """What the operator allows beyond the public internet on ports 80 and 443."""

    networks: tuple[Network, ...] = ()
    ports: tuple[range, ...] = (range(80, 81), range(443, 444))

    def allows_port(self, port: int) -> bool:
        return any(port in ports for ports in self.ports)


@dataclass(frozen=True)
class Target:
    """The parts of a checked address. ``host`` is ASCII, in lower case and without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    """With the query, as it is sent."""

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}"


def configured() -> Policy:
    """The operator's policy, from the settings."""
    return Policy(tuple(settings.OUTBOUND_NETWORKS), tuple(settings.OUTBOUND_PORTS))


def parse(url: str, policy: Policy) -> Target:
    """The parts of an http(s) address. Raises OutboundRefused; an address literal is judged at once. No look-up."""
    found = None if len(url) > LONGEST_URL or _FORBIDDEN.search(url) else _URL.fullmatch(url)
    if found is None:
        raise OutboundRefused("bad_address", f"{_shown(url)} is not an http(s) address.", EXAMPLE)
    scheme, authority, path, query = (part or "" for part in found.groups())
    host, port = _host_and_port(authority, url)
    target = Target(
        scheme.lower(),
        host,
        int(port) if port else PORTS[scheme.lower()],
        quote((path or "/") + query, safe=_KEPT),
    )
    _check_port(target.port, policy)
    if (literal := _literal(host)) is not None:
        _check(literal, host, policy)
    return target


def follow(base: Target, location: str, policy: Policy) -> Target:
    """Where a redirect or a link leads. Raises OutboundRefused."""
    location = location.strip(" ")
    if _FORBIDDEN.search(location):
        raise OutboundRefused(
            "bad_address", f"{_shown(location)} is not an http(s) address.", EXAMPLE
        )
    try:
        joined = urljoin(base.url, location)
    except ValueError as error:
        raise OutboundRefused(
            "bad_address", f"{_shown(location)} is not an http(s) address.", EXAMPLE
        ) from error
    return parse(joined, policy)


def vetted(
    host: str, port: int, policy: Policy, *, resolver: Resolver | None = None, seconds: float = 10
) -> list[str]:
    """The addresses to connect to, all of them allowed. One look-up; none for an address literal.

    Raises OutboundRefused, NameUnresolved, TimeoutError.
    """
    _check_port(port, policy)
    literal = _literal(host)
    found = [literal] if literal else _looked_up(resolver or system_resolver, host, port, seconds)
    for address in found:
        _check(address, host, policy)
    return [str(address) for address in found]


def system_resolver(host: str, port: int) -> list[str]:
    """What the machine's resolver says; may block for as long as it likes."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


def _host_and_port(authority: str, url: str) -> tuple[str, str]:
    if "@" in authority:
        raise OutboundRefused(
            "userinfo",
            "An address must not carry a user name or password.",
            "Enter them in the fields for credentials.",
        )
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise OutboundRefused("bad_address", f"{_shown(url)} names no host.", EXAMPLE)
    return _host(found[1]), found[2] or ""


def _host(text: str) -> str:
    """The host as ASCII, checked. Raises OutboundRefused for anything that could be read in two ways."""
    if text.startswith("["):
        return str(_address(text[1:-1], text))
    try:
        name = idna.encode(text, uts46=True).decode() if not text.isascii() else text.lower()
    except UnicodeError as error:
        raise OutboundRefused(
            "bad_host", f"{_shown(text)} is not a host's name.", EXAMPLE
        ) from error
    name = name.lower().removesuffix(".")
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        if not _DOTTED.fullmatch(name):
            raise OutboundRefused(
                "bad_host",
                f"{_shown(text)} is an unusual way to write an address.",
                "Write four decimal numbers, or the host's name.",
            )
        return str(_address(name, text))
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise OutboundRefused("bad_host", f"{_shown(text)} is not a host's name.", EXAMPLE)
    return name


def _address(text: str, shown: str) -> Address:
    try:
        return ip_address(text)
    except ValueError as error:
        raise OutboundRefused("bad_host", f"{_shown(shown)} is not an IP address.") from error


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _check_port(port: int, policy: Policy) -> None:
    if not policy.allows_port(port):
        raise OutboundRefused(
            "port_not_allowed",
            f"Port {port} is not allowed.",
            "Use 80 or 443, or ask whoever runs this Footnote to add it to FOOTNOTE_OUTBOUND_PORTS.",
        )


def _check(address: Address, host: str, policy: Policy) -> None:
    """The address itself is named only where it was typed: a name must not tell what is behind it."""
    if wrong := trouble(address, policy.networks):
        raise OutboundRefused(
            "address_not_allowed",
            f"{_shown(host)} is not on the public internet ({wrong}).",
            "Use a public address, or ask whoever runs this Footnote to add its network to"
            " FOOTNOTE_OUTBOUND_NETWORKS.",
        )


def _looked_up(resolver: Resolver, host: str, port: int, seconds: float) -> list[Address]:
    """Asks in a thread of its own, since the system's resolver knows no time limit."""
    answers: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.01, seconds))
    except queue.Empty:
        raise TimeoutError(f"{host} was not resolved within {seconds:.0f} s") from None
    if isinstance(answer, Exception):
        raise NameUnresolved(f"{host} has no address") from answer
    if not answer:
        raise NameUnresolved(f"{host} has no address")
    return [_address(text, host) for text in answer]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 120 else f"{text[:120]}…")
