"""Which module reads which media type. A new format is one module and one line here.

A module has `VERSION` (part of what a stored version remembers) and `parse(source) -> Parsed`.
Modules are named, not imported: a format's libraries load only when a file of it comes.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from ingestion.parsing import detection
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import Parsed, Source

PARSERS = {
    detection.PDF: "pdf",
    detection.DOCX: "docx",
    detection.PPTX: "pptx",
    detection.XLSX: "xlsx",
    detection.XLS: "xls",
    detection.HTML: "html",
    detection.MARKDOWN: "markdown",
    detection.PLAIN: "plain",
    detection.CSV: "csv_table",
    detection.JSON: "json_data",
    detection.JSONL: "json_data",
    detection.IPYNB: "notebook",
    detection.EPUB: "epub",
    detection.EML: "mail",
    detection.MSG: "outlook",
    detection.PNG: "image",
    detection.JPEG: "image",
    detection.TIFF: "image",
    detection.ZIP: "packed",
    detection.TAR: "packed",
    detection.CODE: "code",
}


class Parser(Protocol):
    """What a format's module offers."""

    VERSION: str

    def parse(self, source: Source) -> Parsed:
        """Read the file. Raises PermanentParseError."""
        ...


def parser_for(media_type: str) -> Parser:
    """The module for a media type, imported. Raises PermanentParseError when there is none."""
    name = PARSERS.get(media_type)
    if name is None:
        raise PermanentParseError(
            "unsupported_type",
            f"Files of the type {media_type} cannot be read.",
            f"Convert it to one of: {detection.SUPPORTED}.",
        )
    return cast(Parser, import_module(f"ingestion.parsing.{name}"))


def preload(filename: str) -> None:
    """Import what a file of this name is likely to need (in the process that children fork from)."""
    extension = filename.rsplit(".", 1)[-1].lower()
    likely = _BY_EXTENSION.get(extension) or detection.TEXT_EXTENSIONS.get(extension)
    if likely in PARSERS:
        parser_for(likely)


_BY_EXTENSION = {
    "pdf": detection.PDF,
    "docx": detection.DOCX,
    "pptx": detection.PPTX,
    "xlsx": detection.XLSX,
    "xls": detection.XLS,
    "epub": detection.EPUB,
    "msg": detection.MSG,
    "png": detection.PNG,
    "jpg": detection.JPEG,
    "jpeg": detection.JPEG,
    "tif": detection.TIFF,
    "tiff": detection.TIFF,
}
