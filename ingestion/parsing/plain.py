"""Plain text: paragraphs at blank lines. Also what anything readable falls back to."""

from __future__ import annotations

import re

from ingestion.parsing.assembly import Assembly
from ingestion.parsing.decoding import decode
from ingestion.parsing.detection import PLAIN
from ingestion.parsing.types import BlockKind, Parsed, Source

VERSION = "plain 1"

_GAP = re.compile(r"\n[ \t]*\n+")
_LIST = re.compile(r"\s*(?:[-*•◦‣–]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_LINE_END = re.compile("\r\n?|\x0b|\x85|\u2028|\u2029")


def parse(source: Source) -> Parsed:
    """Blocks are paragraphs and lists; a form feed begins a page, as printers have it."""
    text, encoding = decode(source.read_bytes())
    text = _LINE_END.sub("\n", text)
    assembly = Assembly(source)
    if "\ufffd" in text:
        assembly.warn(f"Some characters could not be read as {encoding}.")
    sheets = text.split("\f")
    for sheet in sheets:
        if len(sheets) > 1:
            assembly.page()
        add_paragraphs(assembly, sheet)
    return assembly.finish(
        title="", media_type=PLAIN, parser=VERSION, metadata={"encoding": encoding}
    )


def add_paragraphs(assembly: Assembly, text: str) -> None:
    """Add running text as blocks, split at blank lines."""
    for paragraph in _GAP.split(text):
        assembly.add(_kind(paragraph), paragraph)


def _kind(paragraph: str) -> BlockKind:
    lines = [line for line in paragraph.splitlines() if line.strip()]
    listed = sum(1 for line in lines if _LIST.match(line))
    return "list" if listed and listed * 2 >= len(lines) else "paragraph"
