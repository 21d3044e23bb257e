"""From paths on disk to uploads: folders, files, archives, and JSONL files with a document per row.

``gather`` is the entry point. It yields an ``Offer`` for each document that could be read and a ``Problem`` for each
that could not, naming file and line; one bad row or file never loses the others. Nothing is unpacked to disk, so no
member's name leads anywhere.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from django.conf import settings

from ingestion import archives
from ingestion.chunking.drafts import CUT_SHORT
from ingestion.cleaning import clean_line
from ingestion.intake import Upload
from ingestion.parsing.detection import PLAIN

ROWS = (".jsonl", ".ndjson")
_KEYS = "_id, title, text, metadata"
LONGEST_BEGINNING = 80


@dataclass(frozen=True)
class Offer:
    """One document to upload, and where it was found, for messages."""

    where: str
    upload: Upload


@dataclass(frozen=True)
class Problem:
    """Something that cannot be uploaded, and why."""

    where: str
    message: str


Found = Iterator[Offer | Problem]


def gather(path: Path, password: str | None = None) -> Found:
    """Everything in a folder, an archive, a JSONL file, or the one file that ``path`` is, in order of name.

    An offer's external id is its row's ``_id`` or its path below ``path`` (for a single file: its name). ``password``
    opens encrypted archives, and goes with each file.
    """
    found = _folder(path, password) if path.is_dir() else _file(path, path.name, password, top=True)
    for one in found:
        if password and isinstance(one, Offer):
            one = replace(one, upload=replace(one.upload, password=password))
        yield one


def _folder(root: Path, password: str | None) -> Found:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            path = Path(folder, name)
            yield from _file(path, path.relative_to(root).as_posix(), password, top=False)


def _file(path: Path, below: str, password: str | None, *, top: bool) -> Found:
    try:
        with path.open("rb") as content:
            if archives.is_archive(path.name):
                yield from _archive(path, "" if top else f"{below}/", password)
            else:
                yield from _content(str(path), below, content)
    except OSError as error:
        yield Problem(str(path), f"It cannot be read: {error.strerror or error}.")


def _archive(path: Path, prefix: str, password: str | None) -> Found:
    most = settings.UPLOAD_LIMIT_BYTES
    try:
        for member in archives.members(path, member_bytes=most, password=password):
            where = f"{path}: {member.name}"
            if member.problem:
                yield Problem(where, member.problem)
            else:
                yield from _content(where, f"{prefix}{member.name}", member.content)
    except archives.OverLimit as error:
        yield Problem(str(path), f"{error} Unpack it and ingest the folder.")
    except archives.BadArchive as error:
        yield Problem(str(path), str(error))


def _content(where: str, below: str, content: BinaryIO) -> Found:
    if below.lower().endswith(ROWS):
        yield from _rows(where, content)
    else:
        name = PurePosixPath(below).name
        yield Offer(where, Upload(filename=name, content=content, external_id=below))


def _rows(where: str, content: BinaryIO) -> Found:
    seen: dict[str, int] = {}
    for number, line in enumerate(content, start=1):
        if not line.strip():
            continue
        place = f"{where}, line {number}"
        try:
            upload = _row(line)
        except ValueError as error:
            yield Problem(place, str(error))
            continue
        name = str(upload.external_id)
        if name in seen:
            yield Problem(place, f"_id {name!r} was used in line {seen[name]} already.")
        else:
            seen[name] = number
            yield Offer(place, upload)


def _row(line: bytes) -> Upload:
    """One row as an upload. Raises ValueError saying which key is wrong and what was expected."""
    row = _object(line)
    name, text = row.get("_id"), row.get("text")
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"_id must be a text or a number that is not empty, not {_shown(name)}.")
    if not isinstance(text, str):
        raise ValueError(f"text must be a text, not {_shown(text)}.")
    if not text.strip():
        raise ValueError("text is empty: there is nothing to search in.")
    title, metadata = row.get("title"), row.get("metadata")
    if title is not None and not isinstance(title, str):
        raise ValueError(f"title must be a text, not {_shown(title)}.")
    if metadata is not None and not isinstance(metadata, dict):
        raise ValueError(f"metadata must be an object, not {_shown(metadata)}.")
    return Upload(
        filename=f"{name.replace('/', '_')[:200]}.txt",
        content=text.encode("utf-8", "replace"),
        external_id=name,
        title=title if title and title.strip() else beginning(text),
        metadata=metadata,
        media_type=PLAIN,
    )


def beginning(text: str) -> str:
    """What a text without a title goes by: its first line, or as many of its words as fit. An id would say nothing to a
    person, and to the search it would be a word of the text."""
    first = clean_line(next(line for line in text.splitlines() if line.strip()))
    if len(first) <= LONGEST_BEGINNING:
        return first
    cut = first[:LONGEST_BEGINNING]
    words = cut.rpartition(" ")[0]
    return f"{words if len(words) > LONGEST_BEGINNING // 2 else cut}{CUT_SHORT}"


def _object(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except UnicodeDecodeError as error:
        raise ValueError("It is not text in UTF-8.") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"It is not JSON: {error.msg} at column {error.colno}.") from error
    except RecursionError as error:
        raise ValueError("It is nested too deeply.") from error
    if not isinstance(row, dict):
        raise ValueError(f"It must be an object with {_KEYS}, not {_shown(row)}.")
    return row


def _shown(value: object) -> str:
    if value is None:
        return "absent"
    return {list: "a list", dict: "an object", bool: "true or false", str: "an empty text"}.get(
        type(value), f"{type(value).__name__}"
    )
