"""What came back from an address."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from time import time
from types import TracebackType
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from ingestion.fetching.errors import BadStatus

_REMEDIES = {
    401: "Enter credentials that the server accepts.",
    403: "Ask whoever runs the server to let Footnote in, or enter credentials.",
    404: "Check the address; the page may have moved.",
    410: "The page is gone for good: take it out of the source.",
    429: "The server asks to be asked less often; it is tried again later.",
}
_SEPARATORS = re.compile(r"[/\\]")


@dataclass(frozen=True)
class Fetched:
    """An answer with its whole body. Close it, or use it in a ``with``: large bodies are temporary files.

    ``headers`` have lower-case names; ``body`` stands at its beginning, decoded; ``size`` is the body's bytes.
    """

    status: int
    url: str
    """The address that answered, after redirects."""
    headers: Mapping[str, str]
    body: BinaryIO
    size: int
    sha256: bytes

    def content(self) -> bytes:
        """The whole body in memory."""
        self.body.seek(0)
        return self.body.read()

    @property
    def media_type(self) -> str:
        """Of the Content-Type, such as ``text/html``; empty when the server did not say."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        """Of the Content-Type; empty when the server did not say."""
        found = _header("content-type", self.headers.get("content-type", "")).get_param("charset")
        return found if isinstance(found, str) else ""

    @property
    def filename(self) -> str:
        """By Content-Disposition, or the last part of the address; may be empty. Never a path."""
        named = _header(
            "content-disposition", self.headers.get("content-disposition", "")
        ).get_filename()
        last = named or unquote(PurePosixPath(urlsplit(self.url).path).name)
        return _SEPARATORS.sub("_", last).strip(". ")[:200]

    @property
    def etag(self) -> str:
        return self.headers.get("etag", "")

    @property
    def last_modified(self) -> str:
        return self.headers.get("last-modified", "")

    @property
    def is_unchanged(self) -> bool:
        """Did the server say that nothing changed (304)?"""
        return self.status == 304

    def expect_document(self) -> None:
        """Raises BadStatus unless it is a 2xx or a 304."""
        if 200 <= self.status < 300 or self.status == 304:
            return
        raise BadStatus(
            self.status,
            f"The server answered with status {self.status}.",
            _remedy(self.status),
            retry_after=retry_after(self.headers),
        )

    def close(self) -> None:
        self.body.close()

    def __enter__(self) -> "Fetched":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from either form of Retry-After."""
    value = headers.get("retry-after", "")
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time()) if value else None
    except (TypeError, ValueError):
        return None


def _remedy(status: int) -> str:
    if status >= 500:
        return "The server has trouble; it is tried again later."
    return _REMEDIES.get(status, "Open the address in a browser to see what it says.")


def _header(name: str, value: str) -> Message:
    message = Message()
    message[name] = value.replace("\r", " ").replace("\n", " ")
    return message
