"""Reading a body while it arrives: decoded, hashed, and never more than the limit, compressed or not."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from ingestion.fetching.errors import FetchFailed, FetchRefused

IN_MEMORY = 1024 * 1024
_STEP = 256 * 1024


def read(
    parts: Iterable[bytes], headers: Mapping[str, str], most_bytes: int
) -> tuple[BinaryIO, int, bytes]:
    """The decoded body from its beginning, its size, its SHA-256. Raises FetchRefused, FetchFailed."""
    _check_length(headers, most_bytes)
    kept, size, digest = SpooledTemporaryFile(IN_MEMORY), 0, hashlib.sha256()  # noqa: SIM115  the caller closes it
    try:
        for part in _decoded(_bounded(parts, most_bytes), headers):
            size += len(part)
            if size > most_bytes:
                raise _too_large(most_bytes)
            digest.update(part)
            kept.write(part)
    except BaseException:  # whatever ends it: nobody else knows of the file
        kept.close()
        raise
    kept.seek(0)
    return cast(BinaryIO, kept), size, digest.digest()


def _check_length(headers: Mapping[str, str], most_bytes: int) -> None:
    said = headers.get("content-length", "")
    if said.isdecimal() and int(said) > most_bytes:
        raise _too_large(most_bytes)


def _bounded(parts: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    """As they came, but not more: what is compressed counts too."""
    size = 0
    for part in parts:
        size += len(part)
        if size > most_bytes:
            raise _too_large(most_bytes)
        yield part


def _decoded(parts: Iterator[bytes], headers: Mapping[str, str]) -> Iterator[bytes]:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return parts
    if coding in ("gzip", "x-gzip", "deflate"):
        return _inflated(parts)
    raise FetchRefused(
        "unknown_encoding",
        f"The server sent the encoding {coding[:40]!r}, which was not asked for.",
        "Tell whoever runs that server.",
    )


def _inflated(parts: Iterator[bytes]) -> Iterator[bytes]:
    """In steps, so that a bomb is noticed after a few of them."""
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 32)
    try:
        for part in parts:
            pending = part
            while pending:
                yield decoder.decompress(pending, _STEP)
                pending = decoder.unconsumed_tail
        yield decoder.flush(_STEP)
    except zlib.error as error:
        raise FetchFailed("broken_encoding", "The compressed answer cannot be read.") from error
    if not decoder.eof:
        raise FetchFailed("broken_off", "The answer ended before it was complete.")


def _too_large(most_bytes: int) -> FetchRefused:
    return FetchRefused(
        "too_large",
        f"The answer is larger than {most_bytes / 1024 / 1024:.0f} MB.",
        "Split the file, or ask whoever runs this Footnote to raise FOOTNOTE_UPLOAD_LIMIT_MB.",
    )
