"""The stages between stored bytes and rows to publish, each a function with a typed result.

    load -> parse -> clean -> chunk -> (embed, for a whole batch: see ``pipeline``) -> publication

None of them writes to the database.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from ingestion import metadata, vectors
from ingestion.chunking import ChunkDraft, ChunkProfile, chunk
from ingestion.cleaning import clean, clean_line
from ingestion.errors import PermanentError, RetryableError
from ingestion.models import DocumentVersion, StoredFile
from ingestion.parsing import sandbox
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.errors import PermanentParseError, RetryableParseError
from ingestion.parsing.plain import add_paragraphs
from ingestion.parsing.sandbox import Ocr
from ingestion.parsing.types import Block, PageSpan, Parsed, ParseLimits, Source

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
    profile: ChunkProfile
    attempts: int
    external_id: str
    filename: str
    given_title: str
    media_type: str
    file: StoredFile
    light: bool
    # The version was published before, or brought back: its text is there.
    has_text: bool = False
    password: str | None = field(default=None, repr=False)


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


def ocr() -> Ocr | None:
    """How scans are read; None when the operator has switched it off."""
    command = settings.OCR_COMMAND
    return Ocr(command, "+".join(settings.OCR_LANGUAGES)) if command else None


def parse(path: Path, job: Job, enclosed_in: Path) -> Parsed:
    """A file to text, in a process that cannot hurt this one; files inside it go to a folder."""
    try:
        return sandbox.parse(
            path,
            filename=job.filename,
            media_type=job.media_type or None,
            limits=limits(),
            password=job.password,
            enclosed_in=enclosed_in,
            ocr=ocr(),
        )
    except PermanentParseError as error:
        raise PermanentError(
            error.code, error.message, error.remedy, enclosed=error.enclosed
        ) from error
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


def stored(version_id: UUID) -> Parsed:
    """What was read of a version's file when it was published, in the open tenant scope; one query."""
    return as_read(DocumentVersion.objects.get(pk=version_id))


def as_read(row: DocumentVersion) -> Parsed:
    """The same of a version that is at hand."""
    return Parsed(
        text=row.text,
        blocks=tuple(Block(**block) for block in row.blocks),
        pages=tuple(PageSpan(**page) for page in row.page_spans),
        title=row.title,
        media_type=row.media_type,
        parser=row.parser,
        warnings=tuple(row.warnings),
    )


def clean_up(parsed: Parsed, job: Job) -> Cleaned:
    """Check the boundary once more, since the text comes from a process that reads hostile bytes; choose the title."""
    if clean(parsed.text) != parsed.text:
        raise RetryableError(
            "unclean_text",
            "The text that was read from this file was not in the form that Footnote keeps.",
            "Try again; if it happens again, send the file to whoever runs this Footnote.",
        )
    found = clean_line(parsed.title)
    title = job.given_title or (found if is_sensible(found) else stem(job.filename))
    return Cleaned(parsed, title, metadata.tidied(parsed.metadata))


def is_sensible(title: str) -> bool:
    """Is a title that a program wrote into a file worth showing? ``Microsoft Word - final3.doc`` is not."""
    return 2 < len(title) <= 200 and not _SENSELESS.match(title) and any(c.isalpha() for c in title)


def stem(filename: str) -> str:
    """A file name without its extension."""
    return filename.rsplit(".", 1)[0] or filename


def cut(cleaned: Cleaned, profile: ChunkProfile) -> list[Piece]:
    """Chunks along the text's structure. Raises PermanentError when there is nothing to find."""
    parsed = cleaned.parsed
    drafts = divide(parsed, profile)
    if not drafts and not parsed.enclosed:
        raise PermanentError(
            "no_text",
            "No text was found in the file.",
            "If it is a scan, run OCR on it and upload the result.",
        )
    return [_piece(draft, cleaned.title) for draft in drafts]


def divide(parsed: Parsed, profile: ChunkProfile) -> list[ChunkDraft]:
    """The text in chunks, measured by the configured model's tokenizer."""
    return chunk(
        parsed.text,
        parsed.blocks,
        parsed.pages,
        tokenizer=vectors.counter(),
        profile=profile,
    )


def _piece(draft: ChunkDraft, title: str) -> Piece:
    embedded = draft.embedding_text(title)
    return Piece(draft, embedded, vectors.content_hash(embedded))
