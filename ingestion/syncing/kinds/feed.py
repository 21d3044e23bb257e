"""Feeds (RSS, Atom): each entry a document, from the feed itself or from the page that it links to.

An entry that the feed no longer names is old, not gone: nothing is ever deleted here for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from io import BytesIO
from typing import Any

import feedparser

from ingestion.fetching import FetchError, Limits
from ingestion.models import Source
from ingestion.syncing.kind import (
    Answer,
    Content,
    Field,
    Kind,
    Known,
    Listed,
    Setup,
    SyncError,
)
from ingestion.syncing.kinds import web
from tenants.outbound import OutboundRefused

MOST_BYTES = 20 * 1024 * 1024


class Feed:
    """The entries of one or several feeds."""

    def __init__(self, setup: Setup) -> None:
        self._urls = [web.plain(url) for url in setup.config["urls"]]
        self._follow = bool(setup.config["follow"])
        self._web = web.Web(setup, self._urls)
        self._entries: dict[str, Any] = {}
        # See the module's docstring.
        self.complete = False
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        for url in self._urls:
            try:
                entries = self._read(url)
            except (SyncError, FetchError) as error:
                if len(self._urls) == 1:
                    raise
                self.troubles.append((url, error))
                continue
            for entry in entries:
                if (key := self._key(url, entry)) and key not in self._entries:
                    self._entries[key] = entry
                    yield Listed(key, _marker(entry), _text(entry, "title")[:500])

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        if self._follow and listed.key.startswith(("http://", "https://")):
            return self._web.page(listed, known)
        return _content(self._entries[listed.key])

    def close(self) -> None:
        self._web.close()

    def _read(self, url: str) -> list[Any]:
        with self._web.get(url, limits=Limits(most_bytes=MOST_BYTES)) as found:
            headers = {
                "content-type": found.headers.get("content-type", ""),
                "content-location": found.url,
            }
            # A stream, since a text could be taken for an address to fetch.
            feed = feedparser.parse(BytesIO(found.content()), response_headers=headers)
        if not feed.version and not feed.entries:
            raise SyncError(
                "no_feed", f"{url} is no feed.", "Give the address of an RSS or Atom feed."
            )
        return list(feed.entries)

    def _key(self, feed: str, entry: Any) -> str:
        """The entry's page, or what the feed calls it."""
        try:
            return web.plain(_text(entry, "link"))
        except OutboundRefused:
            name = _text(entry, "id") or _text(entry, "title")
            return f"{feed}#{name}"[:1000] if name else ""


def _content(entry: Any) -> Content:
    """The entry's longest text, under its title."""
    bodies = [str(part.get("value", "")) for part in entry.get("content", [])]
    bodies.append(_text(entry, "summary"))
    title = _text(entry, "title")
    page = f"<!doctype html><html><head><meta charset='utf-8'><title>{escape(title)}</title></head><body>"
    page += f"<article><h1>{escape(title)}</h1>{max(bodies, key=len)}</article></body></html>"
    data = page.encode("utf-8", "replace")
    about = {name: _text(entry, name) for name in ("author", "published", "link")}
    return Content(
        body=BytesIO(data),
        filename="entry.html",
        sha256=hashlib.sha256(data).digest(),
        size=len(data),
        media_type="text/html",
        title=title[:500],
        metadata={name: value for name, value in about.items() if value},
    )


def _marker(entry: Any) -> str:
    return _text(entry, "updated") or _text(entry, "published")


def _text(entry: Any, name: str) -> str:
    # Its own look-up passes one date off for another, and warns of it.
    value = dict.get(entry, name, "")
    return value.strip() if isinstance(value, str) else ""


def _check(config: Mapping[str, Any]) -> None:
    for url in config["urls"]:
        web.plain(url)


KIND = Kind(
    name=Source.Kind.FEED,
    label="Feed (RSS, Atom)",
    help="The entries of feeds. What a feed no longer names stays.",
    fields=(
        Field(
            "urls",
            "Addresses",
            "lines",
            [],
            "One a line, such as https://example.com/news.xml.",
            required=True,
        ),
        Field(
            "follow", "Fetch the linked pages", "flag", False, "Instead of the text in the feed."
        ),
        *web.CREDENTIALS,
    ),
    open=Feed,
    check=_check,
)
