"""Reading the environment loudly: a setting that is missing or malformed stops the start with its name.

Entry points: ``text``, ``key``, ``flag``, ``integer``, ``words``, ``folders``, ``networks``, ``ports``, ``database``.
Nothing else reads ``os.environ``.
"""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The variable's value; without a default, an unset variable stops the start."""
    value = os.environ.get(name, "")
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"Set the environment variable {name}; it has no default.")
    return default


def key(name: str) -> str:
    """A key that is sent in a header, without the line break that files end with; no message repeats it."""
    value = text(name, "").strip()
    if not (value.isascii() and value.isprintable()):
        raise ImproperlyConfigured(
            f"{name} holds no key: it has a line break, or a sign that is not plain ASCII."
        )
    return value


def flag(name: str, *, default: bool) -> bool:
    """A yes/no variable: 1, true, yes, on or 0, false, no, off."""
    value = text(name, "yes" if default else "no").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no.")


def integer(name: str, default: int, *, least: int = 0) -> int:
    """A whole number, at least ``least``."""
    value = text(name, str(default))
    if not value.isdecimal() or int(value) < least:
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number of at least {least}.")
    return int(value)


def choice(name: str, *known: str) -> str:
    """One of the known words; unset: the first."""
    value = text(name, known[0])
    if value not in known:
        raise ImproperlyConfigured(f"{name}={value!r} is none of {', '.join(known)}.")
    return value


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def folders(name: str) -> list[Path]:
    """Absolute paths separated by commas, with links resolved."""
    found = [Path(word) for word in words(name)]
    if relative := [str(path) for path in found if not path.is_absolute()]:
        raise ImproperlyConfigured(f"{name}: {relative[0]!r} is not an absolute path.")
    return [path.resolve() for path in found]


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks such as 10.1.0.0/16, separated by commas."""
    try:
        return [ip_network(word) for word in words(name)]
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from error


def ports(name: str, default: str) -> list[range]:
    """Ports and ranges such as 80,443,8000-8999, or ``any``."""
    return [_ports(name, word) for word in words(name, default)]


def _ports(name: str, word: str) -> range:
    first, _, last = ("1-65535" if word == "any" else word).partition("-")
    last = last or first
    if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) < 65536):
        raise ImproperlyConfigured(f"{name}: {word!r} is neither a port nor a range of ports.")
    return range(int(first), int(last) + 1)


def database(name: str, default: str | None = None) -> dict[str, Any]:
    """A ``postgresql://user:password@host:port/name?option=value`` URL as Django's settings.

    A unix socket is given as ``?host=/directory``, as libpq does it.
    """
    url = urlsplit(text(name, default))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must be a postgresql:// URL, not {url.scheme!r}.")
    options = dict(parse_qsl(url.query))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": options.pop("host", None) or url.hostname or "",
        "PORT": options.pop("port", None) or str(url.port or ""),
        "OPTIONS": options,
    }
