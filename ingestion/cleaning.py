"""The one boundary where text from outside becomes text that Postgres, models and browsers accept.

`clean()` is for running text (line breaks mean something), `clean_line()` for titles, names and
values. Both are idempotent. What goes: NUL and other control characters, lone surrogates,
noncharacters, invisible characters that hide or reorder text (bidi overrides, tags, soft hyphens).
What changes: line ends become "\\n", odd spaces " ", composed characters NFC. Python's own
`normalize` is quadratic in a run of combining marks, so such runs are cut first.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

MAX_MARKS = 30  # combining marks on one letter: the "stream-safe" bound of Unicode annex 15

_LINE_END_CHARACTERS = frozenset("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_ODD_SPACES = frozenset("\u00a0\u1680\u202f\u205f" + "".join(map(chr, range(0x2000, 0x200B))))
_SPACES = re.compile(f"[{''.join(sorted(_ODD_SPACES))}]")
_SURROGATES = frozenset(map(chr, range(0xD800, 0xE000)))
_UNWANTED_RANGES = (
    (0x00, 0x08), (0x0E, 0x1B), (0x1F, 0x1F), (0x7F, 0x84), (0x86, 0x9F),  # controls but tab and line feed
    (0xAD, 0xAD), (0xFEFF, 0xFEFF), (0x2060, 0x2064), (0x180E, 0x180E),  # soft hyphen, invisible operators
    (0x202A, 0x202E), (0x2066, 0x206F),  # bidi embeddings, overrides, isolates
    (0xFDD0, 0xFDEF), (0xFFF9, 0xFFFB), (0xFFFE, 0xFFFF),  # noncharacters, interlinear annotation
    (0xE0000, 0xE007F),  # tags: invisible ASCII, a way to hide instructions
    *((plane * 0x10000 + 0xFFFE, plane * 0x10000 + 0xFFFF) for plane in range(1, 17)),
)  # fmt: skip
_DROP = {code: None for first, last in _UNWANTED_RANGES for code in range(first, last + 1)}
_UNWANTED = frozenset(map(chr, _DROP))
_BLANK_LINES = re.compile(r"\n{3,}")
_WHITESPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Running text in normal form: at most one blank line, no trailing blanks, stripped."""
    text = _characters(text)
    # Line by line: a pattern for trailing blanks is quadratic in the blanks that are not trailing.
    text = "\n".join([line.rstrip(" \t") for line in text.split("\n")])
    return _BLANK_LINES.sub("\n\n", text).strip("\n").rstrip()


def clean_line(text: str, limit: int = 500) -> str:
    """One line of at most `limit` characters, for titles, labels, names and values."""
    return _WHITESPACE.sub(" ", _characters(text)).strip()[:limit].rstrip()


def clean_json(value: Any, *, depth: int = 20) -> Any:
    """JSON-like metadata with every string cleaned; what JSON cannot say becomes a string."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else str(value)  # NaN and infinities are not JSON
    if depth == 0:
        return clean_line(str(value))
    if isinstance(value, dict):
        return {clean_line(str(k), 200): clean_json(v, depth=depth - 1) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [clean_json(item, depth=depth - 1) for item in value]
    return clean_line(str(value), 2000)


def _characters(text: str) -> str:
    """Character by character; which steps are needed is read off the set of characters, which is fast."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    present = set(text)
    if not present.isdisjoint(_SURROGATES):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if not present.isdisjoint(_LINE_END_CHARACTERS):
        text = _LINE_ENDS.sub("\n", text)
    if not present.isdisjoint(_ODD_SPACES):
        text = _SPACES.sub(" ", text)
    if not present.isdisjoint(_UNWANTED):
        text = text.translate(_DROP)
    return text if text.isascii() else _compose(text)


def _compose(text: str) -> str:
    # Cut before, for normalize's sake, and after, because it takes some marks apart.
    return _cut_marks(unicodedata.normalize("NFC", _cut_marks(text)))


def _cut_marks(text: str) -> str:
    marks = "".join(filter(unicodedata.combining, set(text)))
    if not marks:
        return text
    mark = f"[{re.escape(marks)}]"
    # Written with a single mark first: that is what the engine can search for quickly.
    long_run = f"{mark}{mark}{{{MAX_MARKS},}}"
    return re.sub(long_run, lambda found: found.group()[:MAX_MARKS], text)
