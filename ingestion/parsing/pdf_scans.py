"""Which pages of a PDF are scans, and their text by OCR."""

from __future__ import annotations

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from ingestion.parsing.ocr import MOST_PIXELS, Reader
from ingestion.parsing.pdf_lines import Line

_DPI = 300
_STAMP = 100  # characters: less on a page that is a picture is a stamp, or a scanner's line
_COVERS = 0.6  # of the page


def is_scan(page: pdfium.PdfPage, lines: list[Line]) -> bool:
    """Does the page show text that is not there as text? A blank page does not."""
    if sum(len(line.text) for line in lines) > _STAMP:
        return False
    if not lines:
        return bool(raw.FPDFPage_CountObjects(page) > 0)
    width, height = page.get_size()
    pictures = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
    boxes = (picture.get_bounds() for picture in pictures)
    return any(_area(box) > _COVERS * width * height for box in boxes)


def _area(box: tuple[float, float, float, float]) -> float:
    left, bottom, right, top = box
    return max(0.0, right - left) * max(0.0, top - bottom)


def read_scan(page: pdfium.PdfPage, reader: Reader) -> list[Line]:
    """The lines of a page that is a picture, in PDF points."""
    width, height = page.get_size()
    scale = min(_DPI / 72, (MOST_PIXELS / max(width * height, 1.0)) ** 0.5)
    picture = page.render(scale=scale, grayscale=True).to_pil()
    return reader.lines(picture, points=1 / scale)
