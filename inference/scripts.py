"""Scripts that are written without blanks between words, and what stands for words there: pairs of characters.

The index, the built-in model and the measures of support read them alike, so that what one finds the others know.
Entry points: `UNSPACED` and `RUN` for patterns, `is_unspaced`, `pairs`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import regex

# For sets of `regex`. Scripts of so many characters that two texts rarely share a pair by chance.
IDEOGRAPHS = r"\p{Han}\p{Hiragana}\p{Katakana}ー々〆"
# Alphabets, where pairs meet by chance; their sentences end with a blank.
UNSPACED_ALPHABETS = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
# All that is written without blanks between words, and Hangul, whose words carry their particles.
UNSPACED = rf"{IDEOGRAPHS}\p{{Hangul}}{UNSPACED_ALPHABETS}"
# Full stops that need no blank after them, of Chinese and Japanese, Khmer, Burmese and Hindi.
STOPS = "。！？។။।"
# A run of them with its marks: vowels and tones that are written over, under and after a letter.
RUN = rf"[{UNSPACED}\p{{M}}]*[{UNSPACED}][{UNSPACED}\p{{M}}]*"
# A character with its marks.
CLUSTER = regex.compile(r"\P{M}\p{M}*")
_IS_UNSPACED = regex.compile(rf"[{UNSPACED}]")


def is_unspaced(text: str) -> bool:
    """Whether any character of the text belongs to such a script."""
    return not text.isascii() and _IS_UNSPACED.search(text) is not None


def pairs(run: str) -> Iterator[str]:
    """Overlapping pairs of characters, each with its marks; a lone character is itself."""
    clusters = CLUSTER.findall(unicodedata.normalize("NFKC", run).casefold())
    if len(clusters) == 1:
        yield clusters[0]
    for first, second in pairwise(clusters):
        yield first + second
