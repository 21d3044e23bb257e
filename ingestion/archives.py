"""Members of zip and tar files, read one by one within limits on count, size and ratio; nothing is written to disk
under a name from the archive.
"""

import lzma
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO, cast

from django.conf import settings

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MEMBERS = 20_000
UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
RATIO = 300
_BLOCK = 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)


class BadArchive(ValueError):
    """The archive cannot be read, or is over a limit; what was read before stays good."""


@dataclass(frozen=True)
class Member:
    """One file of an archive; ``content`` is open until the next member is asked for."""

    name: str
    content: BinaryIO
    problem: str = ""


def is_archive(name: str) -> bool:
    """Does the name say zip or tar?"""
    return name.lower().endswith(SUFFIXES)


def members(path: Path) -> Iterator[Member]:
    """The regular files of an archive, in its order. Raises BadArchive."""
    packed = max(1, path.stat().st_size)
    opened = _zip if path.name.lower().endswith(".zip") else _tar
    total = 0
    try:
        for count, (name, source) in enumerate(opened(path), start=1):
            if count > MEMBERS:
                raise BadArchive(
                    f"It holds more than {MEMBERS:,} files; unpack it and ingest the folder."
                )
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
                total += _copy(source, content, packed, total)
                yield Member(name, cast(BinaryIO, content), _objection(name))
    except _DAMAGED as error:
        raise BadArchive(f"The archive is damaged or not what its name says: {error}.") from error
    except RuntimeError as error:  # what zipfile raises for a member that wants a password
        raise BadArchive(f"The archive cannot be read: {error}.") from error


def _copy(source: IO[bytes], content: IO[bytes], packed: int, before: int) -> int:
    """Copy a member up to just over the upload limit, which then refuses it by its size."""
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        total = before + size
        if total > UNPACKED_BYTES or (total > 64 * _BLOCK and total > packed * RATIO):
            raise BadArchive(
                f"It unpacks to over {total / _BLOCK:,.0f} MB from {packed / _BLOCK:,.1f} MB;"
                " unpack it and ingest the folder."
            )
        content.write(block)
        if size > settings.UPLOAD_LIMIT_BYTES:
            break
    content.seek(0)
    return size


def _objection(name: str) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name or (parts and parts[0].endswith(":")):
        return "Its name leads out of the archive."
    if is_archive(name):
        return "An archive inside an archive is not unpacked; unpack it and ingest the folder."
    return ""


def _zip(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and not _is_hidden(entry.filename):
                with archive.open(entry) as source:
                    yield entry.filename.replace("\\", "/"), source


def _tar(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path) as archive:
        for entry in archive:
            name = entry.name.removeprefix("./")
            source = archive.extractfile(entry) if entry.isreg() and not _is_hidden(name) else None
            if source is not None:
                with source:
                    yield name, source


def _is_hidden(name: str) -> bool:
    """Dot files and what macOS adds to archives, as in folders."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or any(part.startswith(".") and part != ".." for part in parts)
