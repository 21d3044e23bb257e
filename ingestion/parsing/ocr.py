"""Text of pictures, by Tesseract, when it is installed. The child's side; ``tesseract`` is the other.

The child that reads a file may start no process, so it writes a picture and asks the process that it was forked from,
which runs Tesseract under limits of its own. ``Reader.lines`` gives the lines with their place, as the text of a PDF
page comes, so that order, tables and headings are found in the same way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from PIL import Image

from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.needs import INSTALL
from ingestion.parsing.pdf_lines import Line

MOST_PIXELS = 40_000_000
_SURE = 30.0  # Tesseract's confidence, of 100; below it is what it makes of a drawing
_GAP = 1.5  # of the type's height: wider stands between columns
_LIKE = 0.35  # type that differs less from the page's is the page's: boxes are not exact


class _Word(NamedTuple):
    line: tuple[str, str, str]
    left: float
    top: float
    width: float
    height: float
    text: str


@dataclass(slots=True)
class Reader:
    """Asks for text of pictures, one at a time, through two pipes."""

    folder: Path
    ask: int
    answer: int
    most_pages: int
    pages: int = 0

    def lines(self, picture: Image.Image, *, points: float) -> list[Line]:
        """The lines of a page; ``points`` is the length of a pixel in PDF points. Raises PermanentParseError."""
        self.pages += 1
        if self.pages > self.most_pages:
            raise PermanentParseError(
                "limit_time",
                f"More than {self.most_pages} pages are scans; that is the most that are read of one file.",
                "Split it into parts and upload those.",
            )
        picture.convert("L").save(self.folder / "page.pgm", "PPM")
        os.write(self.ask, b"page\n")
        self._check(json.loads(os.read(self.answer, 4096) or b'{"error": ["lost", ""]}'))
        table = (self.folder / "page.tsv").read_text("utf-8", errors="replace")
        return list(_lines(_words(table), picture.height, points))

    def _check(self, said: dict[str, Any]) -> None:
        if "error" not in said:
            return
        kind, detail = said["error"]
        if kind == "time":
            raise PermanentParseError(
                "limit_time",
                f"OCR of page {self.pages} of the scans took too long.",
                "Scan it at 300 dpi in black and white, or split it, and upload that.",
            )
        raise PermanentParseError(
            "needs_ocr", f"OCR failed: {detail or 'Tesseract was stopped'}.", INSTALL
        )


def _words(table: str) -> Iterator[_Word]:
    """The words of Tesseract's TSV: level, page, block, paragraph, line, word, box, confidence, text."""
    for row in table.splitlines()[1:]:
        cells = row.split("\t")
        if len(cells) < 12 or cells[0] != "5" or float(cells[10]) < _SURE or not cells[11].strip():
            continue
        left, top, width, height = (float(cell) for cell in cells[6:10])
        yield _Word((cells[2], cells[3], cells[4]), left, top, width, height, cells[11].strip())


def _lines(words: Iterable[_Word], height: float, points: float) -> Iterator[Line]:
    lines = [list(found) for _, found in groupby(words, key=lambda word: word.line)]
    sizes = [_size(line) for line in lines]
    usual = median(sizes) if sizes else 0.0
    for line, size in zip(lines, sizes, strict=True):
        kept = usual if abs(size - usual) <= _LIKE * usual else size
        for part in _cut(line, size):
            yield _line(part, kept, height, points)


def _size(line: list[_Word]) -> float:
    return max(word.top + word.height for word in line) - min(word.top for word in line)


def _cut(line: list[_Word], size: float) -> Iterator[list[_Word]]:
    """The parts of a line between wide gaps, as cells of a table have them."""
    part = line[:1]
    for before, word in pairwise(line):
        if word.left - before.left - before.width > _GAP * size:
            yield part
            part = []
        part.append(word)
    yield part


def _line(part: list[_Word], size: float, height: float, points: float) -> Line:
    bottom = max(word.top + word.height for word in part)
    return Line(
        text=" ".join(word.text for word in part),
        x0=part[0].left * points,
        x1=(part[-1].left + part[-1].width) * points,
        y=(height - bottom) * points,
        size=round(size * points, 1),
        bold=False,
        hyphen=False,
        first=0,
        last=0,
    )
