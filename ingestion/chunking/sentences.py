"""Cutting text that is too long for one chunk: sentences, then words, then characters.

Every function gives spans (start, end) within `text[start:end]`, in order and without the white space
between them; together they hold every character that is not blank.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

Span = tuple[int, int]

# A full stop ends a sentence only before white space; the full-width ones do so by themselves.
_ENDS = ".!?…؟۔।॥։"
_STOP = re.compile(
    # Only from the start of a run of stops, or a line of dots would take quadratic time.
    rf"(?:(?<![{_ENDS}])[{_ENDS}]++[\"'”’»)\]]*+(?=\s)|[。！？｡]++[」』”’）】]*+|\n\s*\n)\s*"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|sr|jr|st|vs|etc|e\.g|i\.e|cf|al|fig|figs|eq|no|nos|vol|pp?|ed|eds|inc|ltd|"
    r"corp|co|dept|approx|art|sec|ch|bzw|z\.b|d\.h|usw|nr|abs|ca|bspw|vgl|sog|ggf|inkl|zzgl|s|m|mme|"
    r"tel|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)|\b[^\W\d_]|\d{1,3})\.$",
    re.IGNORECASE,
)
_WORD = re.compile(r"\S+")
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_RUN = re.compile(r"(?:[^\n]*\S[^\n]*(?:\n|\Z))+")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•●◦▪‣∙·–]|\(?[\w]{1,4}[.)])[ \t]", re.MULTILINE)


def sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """Sentences, in most languages; abbreviations and numbered items do not end one."""
    begin = start
    for stop in _STOP.finditer(text, start, end):
        mark = stop.group().rstrip()
        if mark == "." and _is_abbreviation(text, begin, stop):
            continue
        yield from _trimmed(text, begin, stop.end())
        begin = stop.end()
    yield from _trimmed(text, begin, end)


def _is_abbreviation(text: str, begin: int, stop: re.Match[str]) -> bool:
    before = text[max(begin, stop.start() - 12) : stop.start() + 1]
    following = text[stop.end() : stop.end() + 1]
    return bool(_ABBREVIATION.search(before)) or following.islower()


def lines(text: str, start: int, end: int) -> Iterator[Span]:
    """Lines that are not blank: rows of a table, lines of code."""
    for line in _LINE.finditer(text, start, end):
        yield from _trimmed(text, line.start(), line.end())


def gaps(text: str, start: int, end: int) -> Iterator[Span]:
    """Runs of lines without a blank one between them: functions, statements, entries."""
    for run in _RUN.finditer(text, start, end):
        yield from _trimmed(text, *run.span())


def items(text: str, start: int, end: int) -> Iterator[Span]:
    """Items of a list, each with the lines that continue it."""
    marks = [mark.start() for mark in _ITEM.finditer(text, start, end)]
    bounds = sorted({start, *marks, end})
    for begin, stop in pairwise(bounds):
        yield from _trimmed(text, begin, stop)


def words(text: str, start: int, end: int) -> Iterator[Span]:
    """Runs without white space."""
    for word in _WORD.finditer(text, start, end):
        yield word.span()


def characters(text: str, start: int, end: int, size: int) -> Iterator[Span]:
    """Pieces of at most `size` characters, never before a combining mark."""
    while start < end:
        stop = min(start + size, end)
        while stop < end and stop > start + size // 2 and unicodedata.combining(text[stop]):
            stop -= 1
        yield start, stop
        start = stop


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
