"""Zip files, bounded: how many members, how large, how tightly packed, and named harmlessly.

Office files and e-books are zips. A bomb is refused before it is unpacked (declared sizes) and while
it is (sizes as read), because declared sizes lie.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager

from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import MIB, ParseLimits, Source


@contextmanager
def open_zip(source: Source, *, locked: bool = False) -> Iterator[zipfile.ZipFile]:
    """The zip, after its directory was checked; ``locked``: members may be encrypted. Raises PermanentParseError."""
    try:
        archive = zipfile.ZipFile(source.path)
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        ValueError,
    ) as error:
        raise damaged(f".{source.extension} file" if source.extension else "file") from error
    with archive:
        check_members(archive, source.limits, locked=locked)
        yield archive


def check_members(archive: zipfile.ZipFile, limits: ParseLimits, *, locked: bool = False) -> None:
    """Refuse a directory that declares too many, too large or too tightly packed members."""
    members = archive.infolist()
    if len(members) > limits.members:
        raise _bomb(f"it holds {len(members):,} files inside (limit {limits.members:,})")
    total = sum(member.file_size for member in members)
    if total > limits.unpacked_bytes:
        raise _bomb(f"it unpacks to {total // MIB:,} MB (limit {limits.unpacked_bytes // MIB:,})")
    for member in members:
        if member.flag_bits & 0x1 and not locked:
            raise PermanentParseError(
                "encrypted",
                "Something inside the file is encrypted.",
                "Remove the password and upload that copy.",
            )
        ratio = member.file_size / max(member.compress_size, 1)
        if member.file_size > MIB and ratio > limits.member_ratio:
            raise _bomb(f"a part of it is packed {ratio:,.0f} to 1 (limit {limits.member_ratio})")


def read_member(archive: zipfile.ZipFile, name: str, limits: ParseLimits) -> bytes:
    """One member's bytes, never more than the limit whatever its header says."""
    try:
        with archive.open(name) as file:
            data = file.read(limits.unpacked_bytes + 1)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        KeyError,
        OSError,
    ) as error:
        raise damaged("content of the file") from error
    if len(data) > limits.unpacked_bytes:
        raise _bomb("a part of it unpacks beyond the size it declares")
    return data


def damaged(what: str) -> PermanentParseError:
    """The error for a file whose structure is broken."""
    return PermanentParseError(
        "corrupt",
        f"The {what} is damaged and cannot be opened.",
        "Open it in the program that made it, save it again, and upload that copy.",
    )


def _bomb(why: str) -> PermanentParseError:
    return PermanentParseError(
        "too_large",
        f"The file is too large once unpacked: {why}.",
        "Split it into smaller files.",
    )
