"""Where sentences begin and end. Entry points: ``sentences`` for answers, ``passage_sentences`` for documents.

A citation mark that follows the full stop belongs to the sentence before it. In an answer every line is its own, as
lists are; in a document a line may break inside a sentence, so only blank lines and list items end one.
"""

import re

from inference.scripts import STOPS

Span = tuple[int, int]

_ABBREVIATIONS = frozenset(
    {"al", "approx", "art", "ca", "cf", "co", "corp", "dept", "dr", "e.g", "eq", "est", "ed", "eds"}
    | {
        "fig",
        "figs",
        "i.e",
        "inc",
        "jr",
        "ltd",
        "max",
        "min",
        "mr",
        "mrs",
        "ms",
        "nos",
        "p",
        "para",
    }
    | {"pp", "prof", "ref", "resp", "sec", "sr", "st", "vol", "vs", "z.b", "bzw", "d.h"}
)
# A full stop, what closes after it, the citation marks that belong to it, and then space or the end.
_END = re.compile(
    r"(?P<stop>[.!?…]+)(?:[\"'”’»)\]*_]|(?<=[\"'”’»)\]*_.!?…])\[\d+\])*(?:[ \t]*\[\d+\])*(?=\s|$)"
    rf"|[{STOPS}](?:\s*\[\d+\])*"
)
_ANSWER_BREAK = re.compile(r"\n+")
_PASSAGE_BREAK = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*•▪·|#]|\d{1,2}[.)]\s))")
_DOTTED = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_LAST_WORD = re.compile(r"[\w.]+$")


def sentences(answer: str) -> list[Span]:
    """The sentences of an answer as offsets, in order, without surrounding white space."""
    return _split(answer, _ANSWER_BREAK)


def passage_sentences(text: str) -> list[Span]:
    """The sentences of a passage as offsets, in order; a heading or a list item counts as one."""
    return _split(text, _PASSAGE_BREAK)


def _split(text: str, breaks: re.Pattern[str]) -> list[Span]:
    found: list[Span] = []
    start = 0
    for line in breaks.finditer(text):
        found += _in_block(text, start, line.start())
        start = line.end()
    return found + _in_block(text, start, len(text))


def _in_block(text: str, start: int, end: int) -> list[Span]:
    spans = []
    for match in _END.finditer(text, start, end):
        if not _is_abbreviation(text, start, match):
            spans.append(_trimmed(text, start, match.end()))
            start = match.end()
    spans.append(_trimmed(text, start, end))
    return [span for span in spans if span[0] < span[1]]


def _is_abbreviation(text: str, start: int, match: re.Match[str]) -> bool:
    if match["stop"] != ".":
        return False
    word = _LAST_WORD.search(text, start, match.start())
    if word is None:
        return False
    # "J. Smith" and "1. First" are not ends; "plan B." at the end of the text is.
    initial = len(word[0]) == 1 and word[0].isupper() and match.end() < len(text)
    numbering = word[0].isdecimal() and word.start() == start
    # "U.S. Treasury" goes on; "in the U.S." at the end of the text does not.
    dotted = _DOTTED.fullmatch(word[0]) is not None and match.end() < len(text)
    return initial or numbering or dotted or word[0].casefold() in _ABBREVIATIONS


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
