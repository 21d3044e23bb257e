"""Links and images in a model's answer that lead where nobody allowed: the way in which data leaves unseen.

Allowed is what the tenant listed (``example.com`` also means its subdomains), and relative addresses of our own pages.
An image is fetched by the reader's browser without a click, so no image is allowed unless its host is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from inference.guards.findings import Finding

_TARGET = r"<?(?P<{0}>[^\s)<>]+)>?(?:\s+(?:\"[^\"]*\"|'[^']*'))?\s*"
_PATTERNS = (
    ("image", re.compile(r"!\[[^\]]*\]\(\s*" + _TARGET.format("url") + r"\)")),
    ("image", re.compile(r"<\s*img\b[^>]*?\bsrc\s*=\s*[\"']?(?P<url>[^\s\"'>]+)[^>]*>?", re.I)),
    ("link", re.compile(r"(?<!!)\[[^\]]*\]\(\s*" + _TARGET.format("url") + r"\)")),
    ("link", re.compile(r"^\s*\[[^\]]+\]:\s*<?(?P<url>\S+?)>?(?:\s.*)?$", re.MULTILINE)),
    ("link", re.compile(r"<\s*a\b[^>]*?\bhref\s*=\s*[\"']?(?P<url>[^\s\"'>]+)[^>]*>?", re.I)),
    (
        "link",
        re.compile(
            r"(?P<url>\b(?:https?|ftp|data|javascript|vbscript|file)://?[^\s<>()\[\]\"'`]+)", re.I
        ),
    ),
    ("link", re.compile(r"(?P<url>\b(?:data|javascript|vbscript):[^\s<>()\"'`]{3,})", re.I)),
)
_OWN = re.compile(r"^/(?!/)|^#")


def detect(text: str, allowed: Iterable[str] = ()) -> list[Finding]:
    """What leads elsewhere, in order; each place once, as the widest construct that holds it."""
    hosts = [host.lower().strip().lstrip("*.") for host in allowed if host.strip()]
    found: list[Finding] = []
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            inside = any(one.start <= match.start("url") < one.end for one in found)
            if not inside and not is_allowed(match["url"], hosts):
                found.append(Finding(kind, match.start(), match.end(), says=_host(match["url"])))
    return sorted(found, key=lambda one: one.start)


def is_allowed(url: str, hosts: Iterable[str]) -> bool:
    """Our own address, or http(s) and mailto to an allowed host."""
    if _OWN.match(url):
        return True
    host = _host(url)
    return bool(host) and any(host == one or host.endswith(f".{one}") for one in hosts)


def _host(url: str) -> str:
    try:
        parts = urlsplit(
            url if "//" in url else f"//{url}" if "." in url and ":" not in url else url
        )
        if parts.scheme == "mailto":
            return parts.path.rpartition("@")[2].lower()
        if parts.scheme not in ("http", "https", ""):
            return ""
        return (parts.hostname or "").lower()
    except ValueError:
        return ""
