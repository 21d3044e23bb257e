"""A bucket of an S3-compatible store: ListObjectsV2 and GET, signed by botocore's signer, sent by our own fetcher.

The XML is Amazon's (REST API reference, ListObjectsV2 and Error Responses). An object's ETag is its marker, so that a
listing alone says that nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.conf import settings
from lxml import etree

from ingestion.fetching import Fetched, FetchError, Limits, Session
from ingestion.models import Source
from ingestion.syncing import globs
from ingestion.syncing.kind import (
    Answer,
    ConfigError,
    Content,
    Field,
    Gone,
    Kind,
    Known,
    Listed,
    Setup,
    Skipped,
    SyncError,
)
from ingestion.syncing.kinds import web
from ingestion.syncing.naming import filename
from tenants import outbound

_KEPT = "-_.~"
_REMEDIES = {
    "NoSuchBucket": "Check the bucket's name and the region.",
    "AccessDenied": "Allow these credentials to list and read the bucket.",
    "InvalidAccessKeyId": "Check the access key.",
    "SignatureDoesNotMatch": "Check the secret key.",
    "AuthorizationHeaderMalformed": "Check the region.",
    "PermanentRedirect": "Check the region and the endpoint.",
    "RequestTimeTooSkewed": "Set this machine's clock right.",
}


class Bucket:
    """The objects below a prefix."""

    def __init__(self, setup: Setup) -> None:
        self._config = setup.config
        self._address = _address(setup.config)
        self._credentials = _credentials(setup.credentials)
        self._session = Session()
        self._sizes: dict[str, int] = {}
        self.complete = True
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        token = ""
        while True:
            page = self._page(token)
            for name, etag, size in _objects(page):
                if not name.endswith("/") and self._is_wanted(name):
                    key = f"s3://{self._config['bucket']}/{name}"
                    self._sizes[key] = size
                    yield Listed(key, etag)
            token = _text(page, "NextContinuationToken")
            if not token:
                return

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        size = self._sizes.get(listed.key, 0)
        if size > settings.UPLOAD_LIMIT_BYTES:
            raise SyncError("too_large", f"It has {size / 1024 / 1024:,.0f} MB.", "Split it.")
        if size == 0:
            return Skipped("empty", "It is empty.")
        name = listed.key.removeprefix(f"s3://{self._config['bucket']}/")
        found = self._get(self._address + quote(name, safe=f"/{_KEPT}"))
        answer = web.answer(found)
        if isinstance(answer, Content):
            # A store says "binary" of most; the name knows better, as it does for an upload.
            known_type = answer.media_type not in (
                None,
                "binary/octet-stream",
                "application/octet-stream",
            )
            answer.media_type = answer.media_type if known_type else None
            answer.filename = filename(name.rsplit("/", 1)[-1], answer.media_type or "")
            answer.metadata = {"path": name}
        return answer

    def close(self) -> None:
        self._session.close()

    def _page(self, token: str) -> Any:
        asked = {"list-type": "2", "encoding-type": "url", "max-keys": "1000"}
        asked |= {"prefix": self._config["prefix"]} if self._config["prefix"] else {}
        asked |= {"continuation-token": token} if token else {}
        query = urlencode(sorted(asked.items()), quote_via=quote, safe=_KEPT)
        with self._get(f"{self._address}?{query}") as found:
            return _parsed(found.content())

    def _get(self, url: str) -> Fetched:
        """Raises Gone, SyncError with the store's own code, FetchError."""
        found = self._session.fetch(url, headers=self._signed(url), limits=Limits(redirects=0))
        if found.status == 200:
            return found
        with found:
            code, message = _error(found)
            if code == "NoSuchKey":
                raise Gone("gone", "The object is not there any more.")
            if code:
                raise SyncError(
                    "bucket_refused",
                    f"The store says {code}: {message}",
                    _REMEDIES.get(code, "Check the settings and the credentials."),
                    retryable=found.status >= 500,
                )
            found.expect_document()
        raise SyncError(
            "bucket_refused",
            f"The store answered with status {found.status}.",
            "Check the endpoint.",
        )

    def _signed(self, url: str) -> dict[str, str]:
        if self._credentials is None:
            return {}
        request = AWSRequest("GET", url)
        S3SigV4Auth(self._credentials, "s3", self._config["region"]).add_auth(request)
        return {str(name): str(value) for name, value in request.headers.items()}

    def _is_wanted(self, name: str) -> bool:
        return globs.wanted(name, self._config["include"], self._config["exclude"])


def _address(config: Mapping[str, Any]) -> str:
    """Where objects are: endpoint/bucket/ or bucket.endpoint/."""
    endpoint = config["endpoint"] or f"https://s3.{config['region']}.amazonaws.com"
    target = outbound.parse(endpoint, outbound.configured())
    path = target.path.rstrip("/")
    if config["style"] == "path":
        return f"{target.origin}{path}/{quote(config['bucket'], safe=_KEPT)}/"
    return f"{target.scheme}://{config['bucket']}.{target.authority}{path}/"


def _credentials(secrets: Mapping[str, str]) -> Credentials | None:
    """None reads a public bucket without signing."""
    if not secrets.get("access_key"):
        return None
    return Credentials(
        secrets["access_key"], secrets.get("secret_key", ""), secrets.get("session_token") or None
    )


def _objects(page: Any) -> Iterator[tuple[str, str, int]]:
    """Name, ETag and size of each; names come URL-encoded, since XML cannot hold all of them."""
    encoded = _text(page, "EncodingType") == "url"
    for entry in page.iterfind("{*}Contents"):
        name, size = _text(entry, "Key"), _text(entry, "Size")
        yield (
            unquote(name.replace("+", " ")) if encoded else name,
            _text(entry, "ETag").strip('"'),
            int(size) if size.isdecimal() else 0,
        )


def _parsed(document: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        return etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise SyncError(
            "no_bucket", "The endpoint does not speak S3.", "Check the endpoint."
        ) from error


def _error(found: Fetched) -> tuple[str, str]:
    try:
        page = _parsed(found.content())
    except SyncError:
        return "", ""
    return _text(page, "Code"), _text(page, "Message")[:300]


def _text(element: Any, name: str) -> str:
    return str(element.findtext(f"{{*}}{name}") or "")


def _check(config: Mapping[str, Any]) -> None:
    if not config["endpoint"] and not config["region"]:
        raise ConfigError("region", "Give the region, or the endpoint of a store of your own.")
    try:
        address = _address(config)
        outbound.parse(address, outbound.configured())
    except outbound.OutboundRefused as refusal:
        raise ConfigError("endpoint", str(refusal)) from refusal
    if urlsplit(address).query or "/" in config["bucket"]:
        raise ConfigError("bucket", "Give the bucket's name alone.")


KIND = Kind(
    name=Source.Kind.S3,
    label="S3 bucket",
    help="The objects of a bucket of Amazon S3 or any store that speaks its protocol.",
    fields=(
        Field("bucket", "Bucket", required=True),
        Field("prefix", "Prefix", help="Only names that begin with it, such as handbook/."),
        Field("region", "Region", default="us-east-1"),
        Field(
            "endpoint",
            "Endpoint",
            help="Of a store of your own, such as https://minio.example.com. Empty: Amazon's.",
        ),
        Field(
            "style",
            "Addresses",
            "choice",
            "path",
            choices=(("path", "endpoint/bucket/name"), ("virtual", "bucket.endpoint/name")),
        ),
        Field(
            "include", "Only these", "lines", [], "Patterns, one a line, such as *.pdf. Empty: all."
        ),
        Field("exclude", "Not these", "lines", [], "Patterns, one a line."),
        Field("access_key", "Access key", "secret", help="Empty for a public bucket."),
        Field("secret_key", "Secret key", "secret"),
        Field("session_token", "Session token", "secret"),
    ),
    open=Bucket,
    check=_check,
)
