"""What a file is, by its content; the name is only a hint.

`media_type(source)` is the one entry point. Magic bytes decide first, then the members of a zip or
of an OLE file; only text-like content asks the extension which kind of text it is.
"""

from __future__ import annotations

import codecs
import lzma
import re
import tarfile
import zlib

from ingestion.parsing.archives import open_zip, read_member
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import Source

PDF = "application/pdf"
OOXML = "application/vnd.openxmlformats-officedocument."
DOCX = OOXML + "wordprocessingml.document"
PPTX = OOXML + "presentationml.presentation"
XLSX = OOXML + "spreadsheetml.sheet"
XLS = "application/vnd.ms-excel"
EPUB = "application/epub+zip"
HTML = "text/html"
MARKDOWN = "text/markdown"
PLAIN = "text/plain"
CSV = "text/csv"
JSON = "application/json"
JSONL = "application/x-ndjson"
IPYNB = "application/x-ipynb+json"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
ZIP = "application/zip"
TAR = "application/x-tar"
PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"
CODE = "text/x-source"

# Extensions of text-like content. A name is believed only once the bytes turned out to be text.
_EXTENSIONS = {
    HTML: "html htm xhtml",
    MARKDOWN: "md markdown mdown mkd mdx",
    PLAIN: "txt text log rst adoc org srt vtt",
    CSV: "csv tsv tab",
    JSONL: "jsonl ndjson",
    JSON: "json geojson",
    EML: "eml",
    IPYNB: "ipynb",
    CODE: """
        py pyi js mjs ts tsx jsx java kt c h cc cpp hpp cs go rs rb php swift scala sh bash zsh ps1 sql r jl
        lua pl pm hs ml ex exs erl clj dart vue svelte css scss less yaml yml toml ini cfg conf env proto
        graphql tf xml xsd svg tex bib makefile dockerfile gradle cmake
    """,
}
TEXT_EXTENSIONS = {
    extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions.split()
}
BINARY_EXTENSIONS = {
    "pdf": "a PDF",
    "docx": "a Word document",
    "docm": "a Word document",
    "doc": "a Word document",
    "pptx": "a presentation",
    "pptm": "a presentation",
    "ppt": "a presentation",
    "xlsx": "a spreadsheet",
    "xlsm": "a spreadsheet",
    "xls": "a spreadsheet",
    "epub": "an e-book",
    "msg": "an Outlook message",
    "png": "a PNG image",
    "jpg": "a JPEG image",
    "jpeg": "a JPEG image",
    "tif": "a TIFF image",
    "tiff": "a TIFF image",
    "zip": "a ZIP archive",
    "tar": "a tar archive",
    "gz": "a packed tar archive",
    "tgz": "a packed tar archive",
    "bz2": "a packed tar archive",
    "tbz2": "a packed tar archive",
    "xz": "a packed tar archive",
    "txz": "a packed tar archive",
}
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
)
_PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
# (offset, magic, what it is called). None of these can be read as a document.
FOREIGN = (
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (0, b"BM", "a bitmap image"),
    (4, b"ftyp", "a video or HEIF image"),
    (0, b"\x1aE\xdf\xa3", "a video"),
    (0, b"ID3", "an audio file"),
    (0, b"OggS", "an audio file"),
    (0, b"RIFF", "an audio or video file"),
    (0, b"fLaC", "an audio file"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a Windows program"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\x00", "an xz archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"SQLite format 3\x00", "a SQLite database"),
    (0, b"\x80\x02", "a Python pickle"),
    (0, b"\x80\x03", "a Python pickle"),
    (0, b"\x80\x04", "a Python pickle"),
    (0, b"\x80\x05", "a Python pickle"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"wOFF", "a font"),
    (0, b"PAR1", "a Parquet table"),
)
SUPPORTED = (
    "PDF, DOCX, PPTX, XLSX, XLS, HTML, Markdown, text, CSV, JSON, JSONL, EPUB, e-mail (.eml, .msg), "
    "notebooks (.ipynb), source code, images with text (PNG, JPEG, TIFF), ZIP and TAR archives of these"
)
_HEAD = 8192
_HTML_START = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])",
    re.IGNORECASE | re.DOTALL,
)
_HTML_ANYWHERE = re.compile(rb"<(?:html|head|body|p|div|table|h[1-6]|ul|a)\b", re.IGNORECASE)
_OOXML_MAIN = (
    (b"wordprocessingml.document.main+xml", DOCX),
    (b"wordprocessingml.template.main+xml", DOCX),
    (b"ms-word.document.macroEnabled", DOCX),
    (b"presentationml.presentation.main+xml", PPTX),
    (b"presentationml.slideshow.main+xml", PPTX),
    (b"ms-powerpoint.presentation.macroEnabled", PPTX),
    (b"spreadsheetml.sheet.main+xml", XLSX),
    (b"spreadsheetml.template.main+xml", XLSX),
    (b"ms-excel.sheet.macroEnabled", XLSX),
)
_OLE_KINDS = (
    ("EncryptedPackage", ""),
    ("Workbook", XLS),
    ("Book", XLS),
    ("WordDocument", "an old Word document (.doc)"),
    ("PowerPoint Document", "an old presentation (.ppt)"),
    ("__properties_version1.0", MSG),
)


def media_type(source: Source) -> str:
    """The media type whose parser reads this file. Raises PermanentParseError if there is none."""
    with source.path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise PermanentParseError(
            "empty_file",
            "The file is empty (0 bytes).",
            "Check the file and upload it again.",
        )
    found = _binary(source, head)
    return found if found else _text(source, head)


def _binary(source: Source, head: bytes) -> str | None:
    # First: a ZIP that begins with a PDF stored as it is has the PDF's mark in its head, too.
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _zip_kind(source)
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return _ole_kind(source)
    for magic, kind in _PICTURES:
        if head.startswith(magic):
            return _picture(source, kind)
    if head[257:262] == b"ustar" or (head.startswith(_PACKED) and _is_packed_tar(source)):
        return TAR
    for offset, magic, name in FOREIGN:
        if head.startswith(magic, offset) and (len(magic) > 2 or _looks_binary(head)):
            raise _foreign(source, name)
    return None


def _picture(source: Source, kind: str) -> str:
    claimed = BINARY_EXTENSIONS.get(source.extension, "image")
    if "image" not in claimed or source.extension in TEXT_EXTENSIONS:
        raise _foreign(source, f"a {kind.rpartition('/')[2].upper()} image")
    return kind


def _zip_kind(source: Source) -> str:
    with open_zip(source, locked=True) as archive:
        names = set(archive.namelist())
        if "[Content_Types].xml" in names:
            kinds = read_member(archive, "[Content_Types].xml", source.limits)
            found = next((kind for marker, kind in _OOXML_MAIN if marker in kinds), None)
            if found:
                return found
        if "mimetype" in names and b"epub+zip" in read_member(archive, "mimetype", source.limits):
            return EPUB
        if names & {"mimetype", "[Content_Types].xml", "META-INF/MANIFEST.MF"}:
            raise _foreign(source, "a ZIP-based file of another program")
    if source.extension not in ("", "zip") and source.extension in BINARY_EXTENSIONS:
        raise _foreign(source, "a ZIP archive")
    return ZIP


def _is_packed_tar(source: Source) -> bool:
    """Does a tar archive begin below the packing?"""
    try:
        with tarfile.open(source.path) as archive:
            return archive.next() is not None
    except (tarfile.TarError, OSError, EOFError, zlib.error, lzma.LZMAError):
        return False


def _ole_kind(source: Source) -> str:
    # Directory entries hold stream names in UTF-16; looking for them is enough to tell the kinds.
    data = source.read_bytes()
    for stream, kind in _OLE_KINDS:
        if stream.encode("utf-16-le") not in data:
            continue
        if not kind:
            raise locked_office_file()
        if kind in (XLS, MSG):
            return kind
        raise _foreign(source, kind)
    raise _foreign(source, "an old Office file")


def encrypted(what: str) -> PermanentParseError:
    """The error for a file that wants a password and was given none."""
    return PermanentParseError(
        "encrypted",
        f"The {what} is protected by a password.",
        "Remove the password, or give it with the upload.",
    )


def locked_office_file() -> PermanentParseError:
    """The error for an Office file with a password, which no reader here opens, whatever is given."""
    return PermanentParseError(
        "encrypted",
        "The Office file is protected by a password, and such files cannot be opened here.",
        "Remove the password in Office (File > Info > Protect) and upload that copy.",
    )


def _foreign(source: Source, name: str) -> PermanentParseError:
    truly_named = source.extension in _TRUE_NAMES and _TRUE_NAMES[source.extension] in name
    claimed = BINARY_EXTENSIONS.get(source.extension) or source.extension in TEXT_EXTENSIONS
    if claimed and not truly_named:
        return PermanentParseError(
            "content_mismatch",
            f"The file is named .{source.extension} but its content is {name}.",
            _remedy(name)
            if "old" in name
            else f"Upload the real {source.extension.upper()} file, or one of: {SUPPORTED}.",
        )
    return PermanentParseError(
        "unsupported_type",
        f"The file is {name}, which cannot be read as a document.",
        _remedy(name),
    )


# Files that are what they are called, and cannot be read all the same.
_TRUE_NAMES = {"doc": "old Word", "ppt": "old pres", "gz": "gzip", "bz2": "bzip2", "xz": "xz"}


def _remedy(name: str) -> str:
    if "old" in name:
        newer = {"(.doc)": "a .docx", "(.ppt)": "a .pptx"}.get(
            name.split()[-1], "a new Office file"
        )
        return f"Open it in Office or LibreOffice, save it as {newer}, and upload that."
    if "image" in name:
        return "Run OCR on it and upload the resulting PDF or text."
    if "archive" in name:
        return "Unpack it and upload the files inside."
    return f"Convert it to one of: {SUPPORTED}."


def _text(source: Source, head: bytes) -> str:
    if _looks_binary(head):
        raise _foreign(source, "binary data of an unknown kind")
    if source.extension in BINARY_EXTENSIONS:
        return _misnamed(source, head)
    declared = TEXT_EXTENSIONS.get(source.extension or source.filename.lower())  # Makefile
    if declared in (None, PLAIN, CODE) and _HTML_START.match(_narrow(head)):
        return CODE if source.extension in ("vue", "svelte", "jsx", "tsx") else HTML
    if declared:
        return declared
    return source.media_type if source.media_type in _HINTS else PLAIN


_HINTS = frozenset({HTML, MARKDOWN, CSV, JSON, JSONL, IPYNB, EML})


def _misnamed(source: Source, head: bytes) -> str:
    """Text under a binary name. Web exports call HTML and tab-separated tables .xls and .doc."""
    head = _narrow(head)
    if source.extension in ("xls", "doc") and _HTML_ANYWHERE.search(head):
        return HTML
    if source.extension == "xls" and (b"\t" in head or b"," in head or b";" in head):
        return CSV
    raise PermanentParseError(
        "content_mismatch",
        f"The file is named .{source.extension} but it is not {BINARY_EXTENSIONS[source.extension]}: "
        "its content is plain text.",
        "Upload the real file, or give it the extension .txt.",
    )


def _narrow(head: bytes) -> bytes:
    """UTF-16 and UTF-32 look like ASCII once their zero bytes are gone."""
    if head.startswith(codecs.BOM_UTF8):
        return head[3:]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return head[2:].replace(b"\0", b"")
    return head


def _looks_binary(head: bytes) -> bool:
    """Text in any encoding has next to no control bytes; UTF-16 and -32 have regular zeros."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)):
        return False
    zeros_even, zeros_odd = head[::2].count(0), head[1::2].count(0)
    if (
        max(zeros_even, zeros_odd) > len(head) * 0.2
        and min(zeros_even, zeros_odd) < len(head) * 0.05
    ):
        return False
    # A few say nothing: the shortest text with one would be binary else.
    if zeros_even + zeros_odd > max(1, len(head) * 0.01):
        return True
    controls = sum(head.count(bytes([c])) for c in range(32) if c not in (0, 9, 10, 12, 13, 27))
    return controls > max(4, len(head) * 0.02)
