"""Bytes of unknown encoding to text: byte order marks, then UTF-8, then the declared one, then a guess."""

from __future__ import annotations

import codecs

from ingestion.parsing import alphabets

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 256 * 1024  # what a guess looks at: its cost grows with it
# What is met in practice, likeliest first: short texts fit several, and then this order decides.
_LIKELY = """
    cp1252 cp932 euc_jp gb18030 big5 cp949 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 iso8859_2
    iso8859_5 iso8859_7 koi8_r koi8_u cp874 iso2022_jp cp850 mac_roman
"""
_MORE_READ = 4  # times as many characters as damaged bytes make a file UTF-8
_SAME_CHAOS, _SAME_COHERENCE = 0.05, 0.15  # differences below these say nothing


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Text and the name of the encoding. Never fails: what cannot be decoded becomes U+FFFD."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace"), encoding.removesuffix("-sig")
    escaped = "iso2022_jp" if b"\x1b$" in data else ""  # all of it is ASCII
    for encoding in (_by_zeros(data), escaped, "utf-8", declared):
        text = _try(data, encoding)
        if text is not None:
            return text, encoding
    encoding = "utf-8" if _is_nearly_utf8(data) else _guess(data)
    return data.decode(encoding, "replace"), encoding


def _try(data: bytes, encoding: str) -> str | None:
    if not encoding:
        return None
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        # A multi-byte character cut off at the very end is no reason to guess.
        return _try(data[:-1], encoding) if encoding == "utf-8" and _cut_short(data) else None


def _cut_short(data: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data, final=False)
    except UnicodeDecodeError:
        return False
    return len(data) > 4


def _is_nearly_utf8(data: bytes) -> bool:
    """Is it UTF-8 in which a few bytes were damaged? By chance, other encodings hardly ever look like it."""
    text = data[:_SAMPLE].decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    read = sum(1 for character in text if not character.isascii()) - damaged
    return read > _MORE_READ * damaged


def _by_zeros(data: bytes) -> str:
    """UTF-16 and UTF-32 without a mark: zeros stand at regular places in Western text."""
    head = data[:4096]
    if len(head) < 4 or b"\0" not in head:
        return ""
    zeros = [head[offset::4].count(0) / (len(head) / 4) for offset in range(4)]
    if len(data) % 4 == 0 and min(zeros[0:2]) > 0.9 and zeros[3] < 0.1:
        return "utf-32-be"
    if len(data) % 4 == 0 and min(zeros[2:4]) > 0.9 and zeros[0] < 0.1:
        return "utf-32-le"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if max(even, odd) < 0.2:
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _guess(data: bytes) -> str:
    from charset_normalizer import (
        from_bytes,
    )  # inline: only a file that is not UTF-8 pays for it

    likely = _LIKELY.split()
    found = list(from_bytes(data[:_SAMPLE], cp_isolation=likely))
    if not found:
        return "cp1252"
    calm = min(match.chaos for match in found) + _SAME_CHAOS
    found = [match for match in found if match.chaos <= calm and match.encoding in likely]
    sure = max(match.coherence for match in found) - _SAME_COHERENCE
    found = [match for match in found if match.coherence >= sure]
    best = min((match.encoding for match in found), key=likely.index)
    # Which script it is shows in the shapes of words; which alphabet of single bytes, in its letters alone.
    return alphabets.likeliest(data[:_SAMPLE]) if best in alphabets.ALPHABETS else best
