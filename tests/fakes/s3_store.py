"""A small S3 on a real socket: ListObjectsV2 with paging, GetObject, and signatures (SigV4) that are really verified.

The check of the signature is written from Amazon's description, not with the signer that the product uses.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.fakes.web_site import Handler, Page, WebSite

ACCESS, SECRET = "AKIAFAKE", "fake-secret-4711"
SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass
class S3Store:
    """One bucket in a site. ``page_size`` makes paging visible with few objects."""

    site: WebSite
    bucket: str = "docs"
    virtual: bool = False
    page_size: int = 2
    objects: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.site.fallback = self._answer

    def _answer(self, handler: Handler) -> None:
        if not _is_signed(handler):
            handler.answer(_error(403, "SignatureDoesNotMatch"))
            return
        parts = urlsplit(handler.path)
        path = unquote(parts.path).lstrip("/")
        if not self.virtual:
            bucket, _, path = path.partition("/")
        else:
            bucket = handler.headers["host"].partition(".")[0]
        if bucket != self.bucket:
            handler.answer(_error(404, "NoSuchBucket"))
        elif not path:
            handler.answer(self._listing(dict(parse_qsl(parts.query))))
        elif path in self.objects:
            body = self.objects[path]
            handler.answer(Page(body, "binary/octet-stream", etag=f'"{_etag(body)}"'))
        else:
            handler.answer(_error(404, "NoSuchKey"))

    def _listing(self, asked: dict[str, str]) -> Page:
        assert asked["list-type"] == "2"
        names = sorted(name for name in self.objects if name.startswith(asked.get("prefix", "")))
        start = int(asked.get("continuation-token", "0"))
        shown = names[start : start + self.page_size]
        more = start + self.page_size < len(names)
        entries = "".join(
            f"<Contents><Key>{escape(quote(name))}</Key><ETag>&quot;{_etag(self.objects[name])}&quot;</ETag>"
            f"<Size>{len(self.objects[name])}</Size></Contents>"
            for name in shown
        )
        following = f"<NextContinuationToken>{start + self.page_size}</NextContinuationToken>"
        body = (
            f'<?xml version="1.0"?><ListBucketResult xmlns="{SPACE}"><EncodingType>url</EncodingType>'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{following if more else ''}{entries}</ListBucketResult>"
        )
        return Page(body.encode(), "application/xml", etag="")


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _error(status: int, code: str) -> Page:
    body = f"<Error><Code>{code}</Code><Message>As the fake says.</Message></Error>"
    return Page(body.encode(), "application/xml", status, etag="")


def _is_signed(handler: Handler) -> bool:
    """AWS4-HMAC-SHA256 over the canonical request, with the one key that this store knows."""
    said = handler.headers.get("Authorization", "")
    if not said.startswith("AWS4-HMAC-SHA256 "):
        return False
    fields = dict(part.strip().split("=", 1) for part in said.split(" ", 1)[1].split(","))
    access, *scope = fields["Credential"].split("/")
    names = fields["SignedHeaders"].split(";")
    parts = urlsplit(handler.path)
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(parse_qsl(parts.query, keep_blank_values=True))
    )
    headers = "".join(f"{name}:{' '.join(handler.headers[name].split())}\n" for name in names)
    content = handler.headers["X-Amz-Content-SHA256"]
    canonical = "\n".join(
        [handler.command, parts.path, query, headers, fields["SignedHeaders"], content]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", handler.headers["X-Amz-Date"], "/".join(scope), digest])
    key = f"AWS4{SECRET}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    expected = hmac.new(key, text.encode(), "sha256").hexdigest()
    return (
        access == ACCESS and hmac.compare_digest(expected, fields["Signature"]) and "host" in names
    )
