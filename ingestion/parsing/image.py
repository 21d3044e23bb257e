"""Pictures of text: PNG, JPEG, and TIFF with its pages, read by OCR."""

from __future__ import annotations

from importlib.metadata import version

from PIL import Image, ImageSequence, UnidentifiedImageError

from ingestion.parsing.archives import damaged
from ingestion.parsing.assembly import Assembly, file_stem
from ingestion.parsing.detection import media_type
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.needs import INSTALL
from ingestion.parsing.ocr import MOST_PIXELS
from ingestion.parsing.pdf_layout import structure
from ingestion.parsing.pdf_lines import Line
from ingestion.parsing.pdf_order import in_reading_order
from ingestion.parsing.pdf_tables import with_tables
from ingestion.parsing.types import Parsed, Source

VERSION = f"image 1, pillow {version('pillow')}, tesseract"
_LARGEST = 200_000_000  # pixels of a picture that is unpacked at all
_A4_POINTS = 595.0
_NARROW = 1200  # pixels across; type in smaller pictures is enlarged


def parse(source: Source) -> Parsed:
    """A page for each picture in the file. Raises PermanentParseError."""
    Image.MAX_IMAGE_PIXELS = None  # the size is checked here, before anything is unpacked
    if source.ocr is None:
        raise PermanentParseError(
            "needs_ocr", "The file is an image: its text can be read by OCR alone.", INSTALL
        )
    try:
        with Image.open(source.path, formats=("PNG", "JPEG", "TIFF")) as picture:
            pages = [_lines(frame, source) for frame in ImageSequence.Iterator(picture)]
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise damaged("image") from error
    if not any(pages):
        raise PermanentParseError(
            "no_text",
            "OCR found no text in the image.",
            "If it shows text, scan it at 300 dpi and upload that.",
        )
    assembly = Assembly(source)
    for blocks in structure(pages):
        assembly.page()
        for kind, level, text in blocks:
            assembly.add(kind, text, level=level)
    return assembly.finish(
        title=file_stem(source.filename), media_type=media_type(source), parser=VERSION
    )


def _lines(frame: Image.Image, source: Source) -> list[Line]:
    width, height = frame.size
    if width * height > _LARGEST:
        raise PermanentParseError(
            "too_large",
            f"The image has {width:,} x {height:,} pixels; at most {_LARGEST // 10**6} million are read.",
            "Scale it down and upload that.",
        )
    assert source.ocr is not None
    picture = fitting(frame.convert("L"))
    lines = source.ocr.lines(picture, points=_A4_POINTS / picture.width)
    return in_reading_order(with_tables(lines))


def fitting(picture: Image.Image) -> Image.Image:
    """Large enough for OCR to see letters, and no larger than it takes."""
    width, height = picture.size
    scale = 2.0 if width < _NARROW else 1.0
    if width * height * scale * scale > MOST_PIXELS:
        scale = (MOST_PIXELS / (width * height)) ** 0.5
    if scale == 1.0:
        return picture
    return picture.resize((max(1, round(width * scale)), max(1, round(height * scale))))
