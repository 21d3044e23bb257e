"""What a text says where a reader does not see it: encoded, spaced out, or in characters without a shape."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator

LONGEST = 600
_BASE64 = re.compile(r"(?<![\w+/])[A-Za-z0-9+/]{16,}={0,2}(?![\w+/])")
_HEX = re.compile(r"(?i)\b(?:[0-9a-f]{2}[ :]?){10,}\b")
_SPACED = re.compile(r"(?<!\w)(?:\w[ .\-_*]){5,}\w(?!\w)")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_LEET = str.maketrans("013457@$", "oieastas")
_LEET_WORD = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[013457@$])[\w@$]{4,}\b")
# Common words, turned: a text is turned back only when it has some.
_COMMON = re.compile(
    rf"(?i)\b(?:{codecs.encode('the|is|are|was|what|you|your|to|of|and|in|for|this|that|me', 'rot13')})\b"
)


def plainly(text: str) -> str:
    """The text without characters that nobody sees, and behind it what was found encoded in it."""
    seen = _UNSEEN.sub("", text)
    return " ".join([seen, *(part[:LONGEST] for part in decoded(seen))])


def decoded(text: str) -> Iterator[str]:
    """Texts in base64, hexadecimal, rot13, Unicode's tags, spaced letters and digits for letters."""
    for match in _BASE64.finditer(text):
        yield from _printable(_unbased(match[0]))
    for match in _HEX.finditer(text):
        yield from _printable(bytes.fromhex(re.sub(r"[ :]", "", match[0])))
    for match in _TAGS.finditer(text):
        yield "".join(chr(ord(one) - 0xE0000) for one in match[0])
    for match in _SPACED.finditer(text):
        yield re.sub(r"[ .\-_*]", "", match[0])
    if words := _LEET_WORD.findall(text):
        yield " ".join(words).translate(_LEET)
    if len(_COMMON.findall(text)) >= 3:
        yield codecs.encode(text, "rot13")


def _unbased(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _printable(found: bytes) -> Iterator[str]:
    """As text when it is text: a random number's bytes are not."""
    try:
        told = found.decode()
    except UnicodeDecodeError:
        return
    if len(told) >= 8 and told.isprintable():
        yield told
