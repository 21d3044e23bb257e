"""ZIP and TAR archives: no text of their own; each member becomes a document of its own.

An archive is taken or refused as a whole for its structure and its limits; a member that cannot be taken is named
with the reason and leaves the others alone.
"""

from __future__ import annotations

from ingestion import archives
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.detection import media_type
from ingestion.parsing.enclosures import TooManyEnclosed
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import Parsed, Source

VERSION = "archive 1"
_SPLIT = "Split it into smaller archives, or unpack it and upload the files inside."


def parse(source: Source) -> Parsed:
    """The members as enclosures. Raises PermanentParseError."""
    try:
        _enclose(source)
    except archives.OverLimit as error:
        raise _refused(source, PermanentParseError("too_large", str(error), _SPLIT)) from error
    except TooManyEnclosed as error:
        message = f"The archive cannot be unpacked here: {error}."
        raise _refused(source, PermanentParseError("too_large", message, _SPLIT)) from error
    except archives.BadArchive as error:
        remedy = "Pack the files again and upload that archive."
        raise _refused(source, PermanentParseError("corrupt", str(error), remedy)) from error
    _check_any(source)
    kind = media_type(source)
    return Assembly(source).finish(title="", media_type=kind, parser=VERSION)


def _enclose(source: Source) -> None:
    limits, kept = source.limits, source.enclosures
    found = archives.members(source.path, member_bytes=limits.file_bytes, password=source.password)
    for member in found:
        if member.problem:
            kept.refuse(member.name, member.problem)
        else:
            kept.add(member.name, member.content)


def _check_any(source: Source) -> None:
    """An archive of which nothing can be taken has failed; the most telling reason is said."""
    found = source.enclosures.found
    if not found:
        raise PermanentParseError(
            "no_text", "The archive holds no files.", "Check the archive and upload it again."
        )
    problems = {one.problem for one in found}
    if problems == {archives.LOCKED}:
        raise PermanentParseError(
            "encrypted",
            "The archive is protected by a password.",
            "Give the password with the upload, or unpack it and upload the files inside.",
        )
    if problems == {archives.WRONG}:
        raise PermanentParseError(
            "wrong_password",
            "The password does not open this archive.",
            "Upload it again with the right password.",
        )


def _refused(source: Source, error: PermanentParseError) -> PermanentParseError:
    source.enclosures.clear()
    return error
