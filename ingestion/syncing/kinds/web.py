"""What kinds share that read from web servers: conditional requests, credentials for their own server only, pages."""

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from ingestion.fetching import Fetched, Limits, Session
from ingestion.syncing.kind import (
    Answer,
    Content,
    Field,
    Gone,
    Known,
    Listed,
    Setup,
    Skipped,
    Unchanged,
)
from ingestion.syncing.naming import filename
from tenants import outbound

CREDENTIALS = (
    Field(
        "username",
        "User name",
        "secret",
        help="For servers that ask for a user name and a password.",
    ),
    Field("password", "Password", "secret"),
    Field(
        "token",
        "Token",
        "secret",
        help="Sent as 'Authorization: Bearer ...', instead of user name and password.",
    ),
)
INCLUDE = Field(
    "include",
    "Only these",
    "lines",
    [],
    help="Patterns for the path, one a line, such as /handbook/** or *.pdf. Empty: all.",
)
EXCLUDE = Field("exclude", "Not these", "lines", [], help="Patterns for the path, one a line.")
_NO_DOCUMENT = ("image/", "video/", "audio/", "font/")
_NO_DOCUMENTS = frozenset({"text/css", "text/javascript", "application/javascript"})


class Web:
    """A session that knows which servers its credentials are for."""

    def __init__(self, setup: Setup, addresses: Iterable[str]) -> None:
        self.session = Session()
        self._authorization = _authorization(setup.credentials)
        self._own = {origin(address) for address in addresses} if self._authorization else set()

    def get(self, url: str, known: Known | None = None, *, limits: Limits | None = None) -> Fetched:
        """The document at an address, or the word that it did not change. Raises Gone and FetchError."""
        found = self.send(url, _conditions(known), None, limits)
        try:
            if found.status in (404, 410):
                raise Gone("gone", f"The page is not there any more (status {found.status}).")
            found.expect_document()
        except BaseException:  # whatever ends it: the body is an open file
            found.close()
            raise
        return found

    def send(
        self, url: str, headers: Mapping[str, str], content: bytes | None, limits: Limits | None
    ) -> Fetched:
        """Any request, with the credentials when they are for that server. Raises FetchError."""
        sent = dict(headers)
        if self._authorization and origin(url) in self._own:
            sent["Authorization"] = self._authorization
        return self.session.fetch(
            url,
            headers=sent,
            limits=limits,
            method="GET" if content is None else "POST",
            content=content or b"",
        )

    def page(self, listed: Listed, known: Known | None) -> Answer:
        """A page as an item. Raises Gone and FetchError."""
        return answer(self.get(listed.key, known), listed.title)

    def close(self) -> None:
        self.session.close()


def answer(found: Fetched, title: str = "", memory: dict[str, Any] | None = None) -> Answer:
    """What was fetched, as an item; what is no document is skipped."""
    if found.is_unchanged:
        found.close()
        return Unchanged()
    if found.media_type.startswith(_NO_DOCUMENT) or found.media_type in _NO_DOCUMENTS:
        found.close()
        return Skipped("no_document", f"It is no document but {found.media_type}.")
    return Content(
        body=found.body,
        filename=filename(found.filename, found.media_type),
        sha256=found.sha256,
        size=found.size,
        media_type=found.media_type or None,
        title=title,
        etag=found.etag,
        last_modified=found.last_modified,
        metadata={"url": found.url},
        memory=memory or {},
    )


def origin(url: str) -> str:
    """Scheme, host and port. Raises OutboundRefused."""
    return outbound.parse(url, outbound.configured()).origin


def plain(url: str) -> str:
    """The address as it is compared and kept: checked, without its fragment. Raises OutboundRefused."""
    return outbound.parse(url, outbound.configured()).url


def path_of(url: str) -> str:
    """The path without its query, as patterns see it: without the leading slash."""
    return outbound.parse(url, outbound.configured()).path.partition("?")[0].lstrip("/")


def _conditions(known: Known | None) -> dict[str, str]:
    if known is None or not known.sha256:
        return {}
    pairs = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified}
    return {name: value for name, value in pairs.items() if value}


def _authorization(credentials: Mapping[str, str]) -> str:
    if token := credentials.get("token"):
        return f"Bearer {token}"
    if credentials.get("username") or credentials.get("password"):
        pair = f"{credentials.get('username', '')}:{credentials.get('password', '')}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
    return ""
