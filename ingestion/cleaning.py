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
from functools import lru_cache
from typing import Any

MAX_MARKS = 30  # combining marks on one letter: the "stream-safe" bound of Unicode annex 15

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f]")
_UNWANTED = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f"  # controls but tab and line feed
    "\u00ad\ufeff\u2060-\u2064\u180e"  # soft hyphen, byte order mark, invisible operators
    "\u202a-\u202e\u2066-\u2069\u206a-\u206f"  # bidi embeddings, overrides, isolates
    "\ufdd0-\ufdef\ufffe\uffff\ufff9-\ufffb"  # noncharacters, interlinear annotation
    "\U000e0000-\U000e007f"  # tags: invisible ASCII, a way to hide instructions
    + "".join(chr(plane * 0x10000 + low) for plane in range(1, 17) for low in (0xFFFE, 0xFFFF))
    + "]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TRAILING = re.compile(r"[ \t]+(?=\n|\Z)")
_BLANK_LINES = re.compile(r"\n{3,}")
_WHITESPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Running text in normal form: at most one blank line, no trailing blanks, stripped."""
    text = _characters(text)
    text = _TRAILING.sub("", text)
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
    if not text.isascii():
        text = _compose(text)
    text = _LINE_ENDS.sub("\n", text)
    return _UNWANTED.sub("", text)


def _compose(text: str) -> str:
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _UNWANTED.sub("", _LINE_ENDS.sub("\n", _SPACES.sub(" ", text)))
    return unicodedata.normalize("NFC", _long_mark_runs().sub(r"\1", text))


@lru_cache(maxsize=1)
def _long_mark_runs() -> re.Pattern[str]:
    """Matches more than MAX_MARKS combining marks in a row; built once, about 20 ms."""
    marks = "".join(c for c in map(chr, range(0x300, 0x1E94B)) if unicodedata.combining(c))
    return re.compile(f"([{re.escape(marks)}]{{{MAX_MARKS}}})[{re.escape(marks)}]+")
