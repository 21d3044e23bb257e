"""Builds a `Parsed` piece by piece, so that offsets are right by construction.

A parser calls `page()` and `add()` in reading order; each piece is cleaned as it comes and set off
by a blank line. Cleaning pieces one by one equals cleaning the whole, because pieces meet only at
line feeds and no character composes across one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ingestion.cleaning import clean, clean_json, clean_line
from ingestion.parsing.errors import PermanentParseError
from ingestion.parsing.types import Block, BlockKind, PageSpan, Parsed, Source


class Assembly:
    """Collects a document's text, blocks and pages within the limits of its source."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[PageSpan] = []
        self._open: tuple[int, str, int | None] | None = None
        self.warnings: list[str] = []

    def page(self, label: str = "") -> int:
        """Begin the next page (slide, sheet) and return its number."""
        self._close_page()
        number = len(self._pages) + 1
        if number > self._source.limits.pages:
            raise PermanentParseError(
                "limit_output",
                f"The file has more than {self._source.limits.pages:,} pages.",
                "Split it into parts and upload those.",
            )
        self._open = (number, clean_line(label, 100), None)
        return number

    def add(self, kind: BlockKind, text: str, *, level: int = 0, tight: bool = False) -> None:
        """Append a block; blank text is dropped. `tight`: only a line feed before it."""
        text = clean(text) if kind == "code" else clean(text).lstrip()
        if not text.strip():
            return
        start = self._append(text, "\n" if tight else "\n\n")
        number = self._mark_page(start)
        self._blocks.append(Block(kind, start, self._length, level, number))

    def warn(self, message: str) -> None:
        """Record something that a person should know, once."""
        if message not in self.warnings and len(self.warnings) < 50:
            self.warnings.append(clean_line(message))

    def has_text(self) -> bool:
        """Whether any block was kept."""
        return bool(self._blocks)

    def finish(
        self,
        *,
        title: str,
        media_type: str,
        parser: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> Parsed:
        """The parsed document; the title falls back to the first heading, then to the file name."""
        self._close_page()
        text = "".join(self._parts)
        return Parsed(
            text=text,
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            title=clean_line(title)
            or self._first_heading(text)
            or file_stem(self._source.filename),
            metadata=clean_json(dict(metadata or {})),
            media_type=media_type,
            parser=parser,
            warnings=tuple(self.warnings),
        )

    def _append(self, text: str, separator: str) -> int:
        if self._parts:
            self._parts.append(separator)
            self._length += len(separator)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        if self._length > self._source.limits.text_chars:
            raise PermanentParseError(
                "limit_output",
                f"The file holds more than {self._source.limits.text_chars:,} characters of text.",
                "Split it into parts and upload those.",
            )
        return start

    def _mark_page(self, start: int) -> int | None:
        if self._open is None:
            return None
        number, label, first = self._open
        self._open = (number, label, start if first is None else first)
        return number

    def _close_page(self) -> None:
        if self._open is None:
            return
        number, label, first = self._open
        start = self._length if first is None else first
        self._pages.append(PageSpan(number, start, self._length, label))
        self._open = None

    def _first_heading(self, text: str) -> str:
        spans = (text[b.start : b.end] for b in self._blocks[:50] if b.kind == "heading")
        return clean_line(next(spans, "").lstrip("# "), 200)


def file_stem(filename: str) -> str:
    """A file's name without folders and extension."""
    name = clean_line(filename.replace("\\", "/").rsplit("/", 1)[-1], 200)
    return name.rsplit(".", 1)[0] or name
