"""The pages that a site's sitemap names (sitemaps.org: urlset, sitemapindex, gzip, plain text).

``lastmod`` saves asking for pages that did not change, unless somebody asks to sync now: sites get it wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from ingestion.fetching import FetchError, Limits
from ingestion.models import Source
from ingestion.syncing import globs
from ingestion.syncing.kind import (
    Answer,
    Field,
    Kind,
    Known,
    LeftOut,
    Listed,
    Setup,
    SyncError,
    at_limit,
)
from ingestion.syncing.kinds import web
from tenants.outbound import OutboundRefused

# The protocol's own limit for one file, uncompressed.
MOST_BYTES = 50 * 1024 * 1024
MOST_SITEMAPS = 1000
DEEPEST = 3


class Sitemap:
    """The pages of one sitemap and those that it names."""

    def __init__(self, setup: Setup) -> None:
        self._config = setup.config
        self._root = web.plain(setup.config["url"])
        self._web = web.Web(setup, [self._root])
        self._read: set[str] = set()
        self._named = 0
        self.complete = True
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        yield from self._pages(self._root, 0)

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        return self._web.page(listed, known)

    def close(self) -> None:
        self._web.close()

    def _pages(self, url: str, depth: int) -> Iterator[Listed]:
        self._read.add(url)
        for is_sitemap, found, changed in _entries(self._document(url), url):
            address = self._address(found)
            if address is None:
                continue
            if is_sitemap:
                yield from self._nested(address, depth + 1)
            elif self._is_wanted(address):
                if self._named >= self._config["most_pages"]:
                    self._end_at_limit()
                    return
                self._named += 1
                yield Listed(address, changed, certain=False)

    def _end_at_limit(self) -> None:
        """Said once, however many nested sitemaps meet the limit."""
        if not any(isinstance(trouble, LeftOut) for _, trouble in self.troubles):
            self.troubles.append((self._root, at_limit(self._config["most_pages"], "Most pages")))
        self.complete = False

    def _nested(self, url: str, depth: int) -> Iterator[Listed]:
        """One sitemap that cannot be read does not hide the others; but then the list is not complete."""
        if url in self._read:
            return
        try:
            if depth > DEEPEST or len(self._read) >= MOST_SITEMAPS:
                raise SyncError("too_many", "There are too many sitemaps within sitemaps.")
            yield from self._pages(url, depth)
        except (SyncError, FetchError) as error:
            self.complete = False
            self.troubles.append((url, error))

    def _document(self, url: str) -> bytes:
        with self._web.get(url, limits=Limits(most_bytes=MOST_BYTES)) as found:
            content = found.content()
        return _unpacked(content) if content[:2] == b"\x1f\x8b" else content

    def _address(self, text: str) -> str | None:
        try:
            address = web.plain(text)
        except OutboundRefused as refusal:
            self.troubles.append(
                (text[:200], SyncError(refusal.code, refusal.message, refusal.remedy))
            )
            return None
        # Anybody can write anybody's address into a sitemap.
        return address if web.origin(address) == web.origin(self._root) else None

    def _is_wanted(self, url: str) -> bool:
        return globs.wanted(web.path_of(url), self._config["include"], self._config["exclude"])


def _entries(document: bytes, url: str) -> Iterator[tuple[bool, str, str]]:
    """Whether it is a sitemap itself, its address, its lastmod."""
    if not document.lstrip().startswith(b"<"):
        yield from (
            (False, line.strip(), "")
            for line in document.decode("utf-8", "replace").splitlines()
            if line.strip()
        )
        return
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise SyncError(
            "no_sitemap", f"{url} is no sitemap: {error.msg}.", "Give the address of a sitemap."
        ) from error
    if _local(root) not in ("urlset", "sitemapindex"):
        raise SyncError(
            "no_sitemap",
            f"{url} is no sitemap but <{_local(root)}>.",
            "Give the address of a sitemap.",
        )
    for entry in root:
        parts = {
            _local(part): (part.text or "").strip() for part in entry if isinstance(part.tag, str)
        }
        if parts.get("loc"):
            yield _local(entry) == "sitemap", parts["loc"], parts.get("lastmod", "")


def _local(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _unpacked(content: bytes) -> bytes:
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        unpacked = decoder.decompress(content, MOST_BYTES)
    except zlib.error as error:
        raise SyncError("no_sitemap", "The compressed sitemap cannot be read.") from error
    if decoder.unconsumed_tail:
        raise SyncError(
            "too_large", "The sitemap is larger than 50 MB.", "Divide it, as the protocol says."
        )
    return unpacked


def _check(config: Mapping[str, Any]) -> None:
    web.plain(config["url"])


KIND = Kind(
    name=Source.Kind.SITEMAP,
    label="Sitemap",
    help="The pages that a site's sitemap.xml names, also through an index of sitemaps.",
    fields=(
        Field(
            "url",
            "Address of the sitemap",
            help="Such as https://example.com/sitemap.xml.",
            required=True,
        ),
        Field("most_pages", "Most pages", "number", 5000, least=1, most=100_000),
        web.INCLUDE,
        web.EXCLUDE,
        *web.CREDENTIALS,
    ),
    open=Sitemap,
    check=_check,
)
