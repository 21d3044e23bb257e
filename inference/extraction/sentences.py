"""Sentences of a passage that may be quoted, as they stand in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from inference.types import Passage

# A quotable sentence is neither a stray heading nor half a page without a full stop.
FEWEST_WORDS, MOST_WORDS = 4, 90

# Blank lines and list items end a sentence; a single line break inside a paragraph does not.
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•▪·|#]|\d{1,2}[.)]\s))")
# A stop, whatever closes after it, then space and the beginning of something new.
_STOP = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]?[^\W_a-zß-öø-ÿ])|[。！？]")
_SHORTENED = re.compile(
    r"(?:\b(?:[A-Z]|al|approx|art|ca|cf|co|corp|dept|dr|eds?|e\.g|est|etc|figs?|i\.e|inc|jr|ltd|max|min|mrs?|ms|nos?|pp?|prof"
    r"|ref|sec|sr|st|vol|vs)|^\d{1,3})\.$",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|[-*•▪·]\s+)")
# Not ours to write: a mark inside a quote would point at a passage that was never retrieved.
_MARK = re.compile(r"\s*\[\d{1,3}\]")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a passage.

    `position` counts from 0 inside its passage; `passage` is the index in the list given.
    """

    text: str
    passage: int
    position: int


def quotable_sentences(passages: list[Passage]) -> list[Sentence]:
    """All sentences worth quoting, in order of passage and position."""
    found: list[Sentence] = []
    for index, passage in enumerate(passages):
        texts = (text for block in _BLOCK.split(passage.text) for text in _sentences(block))
        found += [
            Sentence(text, index, position)
            for position, text in enumerate(texts)
            if FEWEST_WORDS <= len(text.split()) <= MOST_WORDS or _is_unspaced(text)
        ]
    return found


def _sentences(block: str) -> list[str]:
    texts, start = [], 0
    for stop in _STOP.finditer(block):
        if _SHORTENED.search(block[start : stop.end()].strip()):
            continue
        texts.append(block[start : stop.end()])
        start = stop.end()
    texts.append(block[start:])
    return [cleaned for text in texts if (cleaned := _cleaned(text))]


def _cleaned(text: str) -> str:
    return " ".join(_MARK.sub("", _MARKUP.sub("", text)).split())


def _is_unspaced(text: str) -> bool:
    """Languages that put no spaces between words have no word count."""
    return (
        len(text.split()) < FEWEST_WORDS
        and len(text) > 12
        and not text.isascii()
        and " " not in text
    )
