"""Sentences of a passage that may be quoted, as they stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex

from inference.scripts import STOPS, UNSPACED, UNSPACED_ALPHABETS, is_unspaced
from inference.types import Passage

# A quotable sentence is neither a stray heading nor half a page without a full stop.
FEWEST_WORDS, MOST_WORDS = 4, 90
# Where no blanks part the words, so many characters count as one, and what a full stop ends is no heading.
CHARACTERS_OF_WORD = 3
FEWEST_WORDS_TO_STOP = 2
# A line of fewer words, alone and without a full stop, is taken for a heading.
FEWEST_IN_LINE = 8
# Thai and its neighbours end a sentence with a blank, which they also put inside: from this length on it ends one.
FEWEST_TO_BLANK = 100

# Blank lines and list items end a sentence; a single line break inside a paragraph does not.
_BLOCK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•▪·|#]|\d{1,2}[.)]\s))")
# A stop, whatever closes after it, then space and the beginning of something new.
_STOP = re.compile(r"[.!?…]+[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]?[^\W_a-zß-öø-ÿ])|[" + STOPS + "]")
_BLANK = regex.compile(rf"(?<=[{UNSPACED_ALPHABETS}])\s+(?![ๆฯ])(?=[{UNSPACED_ALPHABETS}])")
_RUN = regex.compile(rf"[{UNSPACED}]+")
_SPACED = re.compile(r"\w\S*")
_SHORTENED = re.compile(
    r"(?:(?<!['’])\b(?:[A-Z]|al|approx|art|ca|cf|co|corp|dept|dr|eds?|e\.g|est|etc|figs?|i\.e|inc|jr|ltd|max|min|mrs?|ms|nos?|pp?|prof"
    r"|ref|sec|sr|st|vol|vs)|^\d{1,3})\.$",
    re.IGNORECASE,
)
# The rule under a table's head, and the bars between its cells.
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|[\s:|-]*$")
_BARS = re.compile(r"\s*(?<!\\)\|\s*")
_MARKUP = re.compile(r"^\s*(?:#{1,6}\s+|[-*•▪·]\s+)")
# Quoted, it would open a block of code in the answer, and the marks of all that follows would be none.
_FENCE = re.compile(r"```|~~~")
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
        blocks = (_without_bars(block) for block in _BLOCK.split(passage.text))
        texts = [
            text for block in blocks for text in _sentences(block) if _says_something(text, block)
        ]
        found += [
            Sentence(text, index, position)
            for position, text in enumerate(_without_title(texts, passage.title))
            if _is_of_length(text)
        ]
    return found


def _without_title(texts: list[str], title: str) -> list[str]:
    """Without the document's own name, which a first page says in words enough for a sentence.

    A note of one sentence, whose title is made of it, keeps it, and so does a text whose first sentence is its title.
    """
    name = _cleaned(title).casefold()
    others = [text for text in texts if text.casefold() != name or text[-1] in ".!。！"]
    return others or texts


def _sentences(block: str) -> list[str]:
    texts, start = [], 0
    for stop in _STOP.finditer(block):
        if _SHORTENED.search(block[start : stop.end()].strip()):
            continue
        texts.append(block[start : stop.end()])
        start = stop.end()
    texts.append(block[start:])
    parts = (part for text in texts for part in _parted_by_blanks(text))
    return [cleaned for part in parts if (cleaned := _cleaned(part))]


def _parted_by_blanks(text: str) -> Iterator[str]:
    """What has no full stop, as its script knows none: pieces as long as a sentence."""
    start = 0
    for blank in _BLANK.finditer(text):
        if min(blank.start() - start, len(text) - blank.end()) >= FEWEST_TO_BLANK:
            yield text[start : blank.start()]
            start = blank.end()
    yield text[start:]


def _without_bars(block: str) -> str:
    """A table's row as words: its cells after one another, the first as what the others are about."""
    if not block.lstrip().startswith("|"):
        return block
    if _TABLE_RULE.match(block):
        return ""
    first, *others = [cell for cell in _BARS.split(block.strip()) if cell] or [""]
    return f"{first}: {'; '.join(others)}" if others else first


def _says_something(text: str, block: str) -> bool:
    """Neither a question nor what only leads to a list, which answer none, nor code, nor a heading: a short line of
    its own without a full stop."""
    if text.endswith(("?", "？", ":", "：")) or _FENCE.search(text):
        return False
    alone = text == _cleaned(block) and not _MARKUP.match(block)
    return not (
        alone and len(text.split()) < FEWEST_IN_LINE and text[-1].isalnum() and text.isascii()
    )


def _cleaned(text: str) -> str:
    return " ".join(_MARK.sub("", _MARKUP.sub("", text)).split())


def _is_of_length(text: str) -> bool:
    fewest = FEWEST_WORDS_TO_STOP if text[-1] in "。！" else FEWEST_WORDS
    return fewest <= _words(text) <= MOST_WORDS


def _words(text: str) -> int:
    """How many there are, by blanks or, where a script has none, by its characters."""
    blanks = len(text.split())
    if not is_unspaced(text):
        return blanks
    others = len(_SPACED.findall(_RUN.sub(" ", text)))
    return max(blanks, others + sum(map(len, _RUN.findall(text))) // CHARACTERS_OF_WORD)
