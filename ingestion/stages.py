"""The stages between stored bytes and rows to publish, each a function with a typed result.

    load -> parse -> clean -> chunk -> (embed, for a whole batch: see ``pipeline``) -> publication

None of them writes to the database.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from ingestion import vectors
from ingestion.chunking import ChunkDraft, chunk
from ingestion.cleaning import clean, clean_json, clean_line
from ingestion.errors import PermanentError, RetryableError
from ingestion.models import StoredFile
from ingestion.parsing import sandbox
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.errors import PermanentParseError, RetryableParseError
from ingestion.parsing.plain import add_paragraphs
from ingestion.parsing.types import Parsed, ParseLimits, Source

STAGES = ("load", "parse", "clean", "chunk", "embed", "publish")
_SENSELESS = re.compile(
    r"\W*(?:untitled|anonymous|unspecified|document|dokument|book|slide|powerpoint presentation)\W*\d*\W*$"
    r"|microsoft (?:word|powerpoint|excel) - |.*\.(?:docx?|pptx?|xlsx?|pdf|indd|tex|dvi|qxd|rtf|odt|fm)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Job:
    """What a run is about: everything that the stages need to know, read once."""

    run_id: UUID
    document_id: UUID
    version_id: UUID
    collection_id: UUID
    attempts: int
    filename: str
    given_title: str
    media_type: str
    file: StoredFile
    light: bool


@dataclass(frozen=True)
class Cleaned:
    """Text that Postgres, models and browsers accept, and the title that the document goes by."""

    parsed: Parsed
    title: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """A chunk with what is embedded of it and the hash that tells whether that is known."""

    draft: ChunkDraft
    embedded: str
    content_hash: bytes


def limits() -> ParseLimits:
    """What one file may cost; its size is that of the upload limit."""
    return ParseLimits(file_bytes=settings.UPLOAD_LIMIT_BYTES)


def parse(path: Path, job: Job) -> Parsed:
    """A file to text, in a process that cannot hurt this one."""
    try:
        return sandbox.parse(
            path, filename=job.filename, media_type=job.media_type or None, limits=limits()
        )
    except PermanentParseError as error:
        raise PermanentError(error.code, error.message, error.remedy) from error
    except RetryableParseError as error:
        raise RetryableError(error.code, error.message, error.remedy) from error


def parse_text(data: bytes, job: Job) -> Parsed | None:
    """Small plain text, here: it has no format that could do harm, and a process costs more than the text.

    None when it is not UTF-8; then ``parse`` finds its encoding. Raises PermanentError when it is blank.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    assembly = Assembly(Source(Path(), job.filename, limits(), job.media_type))
    add_paragraphs(assembly, text)
    if not assembly.has_text():
        raise PermanentError(
            "no_text", "The file holds no text.", "Check the file and upload it again."
        )
    return assembly.finish(title="", media_type="text/plain", parser="text 1")


def clean_up(parsed: Parsed, job: Job) -> Cleaned:
    """Check the boundary once more, since the text comes from a process that reads hostile bytes; choose the title."""
    if clean(parsed.text) != parsed.text:
        raise RetryableError(
            "unclean_text", "The parser's answer was not in the form that it promises."
        )
    found = clean_line(parsed.title)
    title = job.given_title or (found if is_sensible(found) else stem(job.filename))
    return Cleaned(parsed, title, clean_json(dict(parsed.metadata)))


def is_sensible(title: str) -> bool:
    """Is a title that a program wrote into a file worth showing? ``Microsoft Word - final3.doc`` is not."""
    return 2 < len(title) <= 200 and not _SENSELESS.match(title) and any(c.isalpha() for c in title)


def stem(filename: str) -> str:
    """A file name without its extension."""
    return filename.rsplit(".", 1)[0] or filename


def cut(cleaned: Cleaned) -> list[Piece]:
    """Chunks along the text's structure. Raises PermanentError when there is nothing to find."""
    parsed = cleaned.parsed
    drafts = chunk(
        parsed.text,
        parsed.blocks,
        parsed.pages,
        tokenizer=vectors.counter(),
        profile=vectors.profile(),
    )
    if not drafts:
        raise PermanentError(
            "no_text",
            "No text was found in the file.",
            "If it is a scan, run OCR on it and upload the result.",
        )
    return [_piece(draft, cleaned.title) for draft in drafts]


def _piece(draft: ChunkDraft, title: str) -> Piece:
    embedded = draft.embedding_text(title)
    return Piece(draft, embedded, vectors.content_hash(embedded))
