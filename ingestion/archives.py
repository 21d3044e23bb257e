"""Members of zip and tar files, read one by one within limits on count, size and ratio; nothing is written to disk
under a name from the archive. The shell reads archives here, the worker in its sandbox (``parsing.packed``): so
nothing of Django is imported.
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

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MEMBERS = 20_000
UNPACKED_BYTES = 4 * 1024 * 1024 * 1024
RATIO = 300
_BLOCK = 1024 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)
LOCKED = "It is encrypted: give the archive's password with the upload, or unpack it first."
WRONG = "The password does not open it."


class BadArchive(ValueError):
    """The archive cannot be read; what was read before stays good."""


class OverLimit(BadArchive):
    """The archive holds more than may be unpacked."""


@dataclass(frozen=True)
class Member:
    """One file of an archive; ``content`` is open until the next member is asked for."""

    name: str
    content: BinaryIO
    problem: str = ""


_Opened = Iterator[tuple[str, IO[bytes] | None, str]]


def is_archive(name: str) -> bool:
    """Does the name say zip or tar?"""
    return name.lower().endswith(SUFFIXES)


def members(path: Path, *, member_bytes: int, password: str | None = None) -> Iterator[Member]:
    """The regular files of an archive, in its order. Raises BadArchive.

    Of a member beyond ``member_bytes`` a little more than that is read, for whoever takes it to refuse.
    """
    packed = max(1, path.stat().st_size)
    seen: set[str] = set()
    total = 0
    try:
        for count, (name, source, problem) in enumerate(_opened(path, password), start=1):
            if count > MEMBERS:
                raise OverLimit(f"It holds more than {MEMBERS:,} files.")
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
                problem = problem or _objection(name, seen)
                if source and not problem:
                    try:
                        total += _copy(source, content, packed, total, member_bytes)
                    except zipfile.BadZipFile as error:  # one bad member; the others stand alone
                        problem = f"It is damaged: {error}."
                yield Member(name, cast(BinaryIO, content), problem)
    except _DAMAGED as error:
        raise BadArchive(f"The archive is damaged or not what its name says: {error}.") from error


def _opened(path: Path, password: str | None) -> _Opened:
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    return _zip(path, password) if is_zip else _tar(path)


def _copy(source: IO[bytes], content: IO[bytes], packed: int, before: int, most: int) -> int:
    """Copy a member up to just over the upload limit, which then refuses it by its size."""
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        total = before + size
        if total > UNPACKED_BYTES or (total > 64 * _BLOCK and total > packed * RATIO):
            raise OverLimit(
                f"It unpacks to over {total / _BLOCK:,.0f} MB from {packed / _BLOCK:,.1f} MB."
            )
        content.write(block)
        if size > most:
            break
    content.seek(0)
    return size


def _objection(name: str, seen: set[str]) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\0" in name or (parts and parts[0].endswith(":")):
        return "Its name leads out of the archive."
    if name in seen:
        return "Another file of the archive has the same name."
    seen.add(name)
    return ""


def _zip(path: Path, password: str | None) -> _Opened:
    key = password.encode() if password else None
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir() or _is_hidden(entry.filename):
                continue
            name = entry.filename.replace("\\", "/")
            try:
                with archive.open(entry, pwd=key) as source:
                    yield name, source, ""
            except RuntimeError:  # what zipfile raises for a member that wants a password
                yield name, None, WRONG if password else LOCKED
            except NotImplementedError:
                yield name, None, "It is packed or encrypted in a way that cannot be read here."


def _tar(path: Path) -> _Opened:
    with tarfile.open(path) as archive:
        for entry in archive:
            name = entry.name.removeprefix("./")
            source = archive.extractfile(entry) if entry.isreg() and not _is_hidden(name) else None
            if source is not None:
                with source:
                    yield name, source, ""


def _is_hidden(name: str) -> bool:
    """Dot files and what macOS adds to archives, as in folders."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or any(part.startswith(".") and part != ".." for part in parts)
