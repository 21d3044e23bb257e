"""PDFs that PDFium does not open: pypdf repairs more of them, slowly, and says why the others fail."""

from __future__ import annotations

import logging
from importlib.metadata import version

import pypdf
from pypdf.errors import PyPdfError

from ingestion.parsing.archives import damaged
from ingestion.parsing.assembly import Assembly
from ingestion.parsing.detection import PDF, encrypted
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.needs import INSTALL
from ingestion.parsing.plain import add_paragraphs
from ingestion.parsing.types import Parsed, Source

VERSION = f"pdf 1, pypdf {version('pypdf')}"

logging.getLogger("pypdf").setLevel(logging.ERROR)


def parse_by_pypdf(source: Source) -> Parsed:
    """Text by pages, without headings. Raises PermanentParseError, "corrupt" when this fails too."""
    try:
        reader = pypdf.PdfReader(source.path)
        if reader.is_encrypted and not reader.decrypt(source.password or ""):
            raise encrypted("PDF")
        check_page_count(len(reader.pages), source)
        texts = [page.extract_text() for page in reader.pages]
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise damaged("PDF") from error
    if not any(text.strip() for text in texts):
        raise needs_ocr(len(texts))
    assembly = Assembly(source)
    for text in texts:
        assembly.page()
        add_paragraphs(assembly, text)
    assembly.warn("The PDF is damaged; its text was recovered as far as possible.")
    return assembly.finish(title="", media_type=PDF, parser=VERSION)


def check_page_count(pages: int, source: Source) -> None:
    """Refuse a PDF without pages, or with more than the limit."""
    if pages == 0:
        raise PermanentParseError(
            "no_pages", "The PDF has no pages.", "Export it again from the program that made it."
        )
    if pages > source.limits.pages:
        raise PermanentParseError(
            "too_large",
            f"The PDF has {pages:,} pages; the limit is {source.limits.pages:,}.",
            "Split it into parts and upload those.",
        )


def needs_ocr(pages: int, *, tried: bool = False) -> PermanentParseError:
    """The error for pages that hold only pictures; ``tried``: OCR is there and found nothing in them."""
    if tried:
        return PermanentParseError(
            "no_text",
            f"The PDF has {pages} page{'s' if pages > 1 else ''} but no text, nor did OCR find any in its images.",
            "Scan it at 300 dpi if it shows text, and upload that.",
        )
    return PermanentParseError(
        "needs_ocr",
        f"The PDF has {pages} page{'s' if pages > 1 else ''} but no text: it is a scan or holds only images.",
        INSTALL,
    )
