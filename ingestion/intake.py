"""What may come in: the checks on an upload's names, size and type, before anything is stored.

Everything that can be said at once is said at once, as ``UploadRefused``; what only the bytes can tell (a wrong
extension, a password, no pages) is found by the parser and ends as a failed document with a reason.
"""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings

from ingestion import metadata
from ingestion.cleaning import clean_line
from ingestion.errors import UploadRefused
from ingestion.models import Document
from ingestion.parsing import detection, registry
from ingestion.storage import Fingerprint, fingerprint

MIB = 1024 * 1024
NAME_CHARS = 255
ID_CHARS = 1000
# A unique index holds the id; Postgres refuses index rows over 2,704 bytes.
ID_BYTES = 2000
PASSWORD_CHARS = 200
# A text this small is embedded together with others of its kind.
LIGHT_BYTES = 8 * 1024
_FOREIGN = {
    "image": "gif webp bmp heic heif ico psd",
    "recording": "mp3 wav ogg flac m4a aac mp4 mov avi mkv webm wmv",
    "archive": "7z rar iso dmg cab lzh",
    "program": "exe dll so dylib msi apk jar class pyc wasm bin",
    "data": "sqlite db parquet pkl pickle npy npz h5 pt onnx",
}
_KINDS = {extension: kind for kind, names in _FOREIGN.items() for extension in names.split()}
_REMEDY = {
    "image": "Convert it to PNG, JPEG or TIFF and upload that.",
    "archive": "Pack the files as ZIP or TAR, or upload the files inside.",
}


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One file that somebody offers; ``content`` is a seekable binary stream or the bytes themselves."""

    filename: str
    content: BinaryIO | bytes
    external_id: str | None = None
    title: str | None = None
    metadata: dict[str, Any] | None = None
    reader_groups: list[UUID] | None = None
    media_type: str | None = None
    parent: Document | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Accepted:
    """An upload that passed: names made safe, bytes counted and hashed."""

    filename: str
    external_id: str
    given_title: str
    metadata: dict[str, Any]
    reader_groups: list[UUID] | None
    media_type: str
    found: Fingerprint
    content: BinaryIO = field(repr=False)
    parent: Document | None = None
    password: str = field(default="", repr=False)

    @property
    def light(self) -> bool:
        return is_light(self.media_type, self.found.size)


def is_light(media_type: str, size: int) -> bool:
    """Is it small plain text, cheap enough to be worked on in a batch?"""
    return media_type == detection.PLAIN and size <= LIGHT_BYTES


def examine(upload: Upload) -> Accepted:
    """Check one upload; reads its bytes once. Raises UploadRefused."""
    filename = safe_filename(upload.filename)
    external_id = _external_id(upload.external_id, filename)
    _check_type(filename)
    content = BytesIO(upload.content) if isinstance(upload.content, bytes) else upload.content
    found = fingerprint(content, most=settings.UPLOAD_LIMIT_BYTES)
    _check_size(filename, found.size, content)
    return Accepted(
        filename=filename,
        external_id=external_id,
        given_title=clean_line(upload.title or ""),
        metadata=_metadata(upload.metadata, filename),
        reader_groups=upload.reader_groups,
        media_type=clean_line(upload.media_type or "", 150),
        found=found,
        content=content,
        parent=upload.parent,
        password=_password(upload.password, filename),
    )


def safe_filename(name: str) -> str:
    """The last part of a path as a plain name. Raises UploadRefused when nothing usable is left."""
    if "\0" in name:
        raise UploadRefused(
            "bad_filename",
            "filename",
            "The file name contains a NUL character.",
            "Rename the file.",
        )
    last = clean_line(name.replace("\\", "/").rsplit("/", 1)[-1], 10_000)
    if last in {"", ".", ".."}:
        raise UploadRefused(
            "bad_filename",
            "filename",
            "The file has no name.",
            "Give it a name such as report.pdf.",
        )
    if len(last) > NAME_CHARS:
        raise UploadRefused(
            "bad_filename",
            "filename",
            f"The file name has {len(last)} characters; at most {NAME_CHARS} are accepted.",
            "Rename the file.",
            filename=last[:80] + "...",
        )
    return last


def _external_id(given: str | None, filename: str) -> str:
    if given is None:
        return filename
    cleaned = clean_line(given, ID_CHARS + 1)
    if not cleaned or "\0" in given:
        problem = "must not be empty or contain a NUL character"
    elif len(cleaned) > ID_CHARS or len(cleaned.encode()) > ID_BYTES:
        problem = f"may have at most {ID_CHARS} characters and {ID_BYTES} bytes"
    else:
        return cleaned
    raise UploadRefused(
        "bad_external_id",
        "external_id",
        f"The external id {problem}.",
        "Give another name.",
        filename=filename,
    )


def _check_type(filename: str) -> None:
    stem, dot, extension = filename.lower().rpartition(".")
    if not dot or not stem:
        return
    kind = _KINDS.get(extension)
    text_type = detection.TEXT_EXTENSIONS.get(extension)
    unread = text_type is not None and text_type not in registry.PARSERS
    if kind or unread:
        what = {"image": "an image", "archive": "an archive"}.get(
            kind or "", f"a .{extension} file"
        )
        raise UploadRefused(
            "unsupported_type",
            "file",
            f"{filename} is {what}, which cannot be read as a document.",
            _REMEDY.get(kind or "", f"Convert it to one of: {readable_types()}."),
            filename=filename,
        )


def readable_types() -> str:
    """The formats that can be read now, for people."""
    names = {
        detection.PDF: "PDF",
        detection.DOCX: "DOCX",
        detection.PPTX: "PPTX",
        detection.XLSX: "XLSX",
        detection.XLS: "XLS",
        detection.HTML: "HTML",
        detection.MARKDOWN: "Markdown",
        detection.PLAIN: "text",
        detection.CSV: "CSV",
        detection.JSON: "JSON",
        detection.EPUB: "EPUB",
        detection.EML: "e-mail",
        detection.PNG: "images with text",
        detection.ZIP: "ZIP and TAR archives of these",
        detection.IPYNB: "notebooks",
    }
    return ", ".join(name for kind, name in names.items() if kind in registry.PARSERS)


def _password(given: str | None, filename: str) -> str:
    if given and len(given) > PASSWORD_CHARS:
        raise UploadRefused(
            "bad_password",
            "password",
            f"The password has more than {PASSWORD_CHARS} characters.",
            "Give the password that opens the file.",
            filename=filename,
        )
    return (given or "").replace("\0", "")


def _check_size(filename: str, size: int, content: BinaryIO) -> None:
    if size == 0:
        raise UploadRefused(
            "empty_file",
            "file",
            f"{filename} is empty (0 bytes).",
            "Check the file and upload it again.",
            filename=filename,
        )
    if size > settings.UPLOAD_LIMIT_BYTES:
        whole = content.seek(0, 2)
        raise UploadRefused(
            "too_large",
            "file",
            f"{filename} has {whole / MIB:,.1f} MB; the limit is"
            f" {settings.UPLOAD_LIMIT_BYTES / MIB:,.0f} MB.",
            "Split it into smaller files and upload those.",
            filename=filename,
        )


def _metadata(given: dict[str, Any] | None, filename: str) -> dict[str, Any]:
    try:
        return metadata.checked({} if given is None else given)
    except metadata.BadMetadata as problem:
        raise UploadRefused(
            "bad_metadata", "metadata", str(problem), "", filename=filename
        ) from problem
