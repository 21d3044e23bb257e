"""Joins the lines of a block to text; words broken at line ends become whole again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from ingestion.parsing.pdf_lines import LIST_MARK, Line

_WORD = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(r"\b[^\W\d_]{1,40}(?:-[^\W\d_]{1,40})+")
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]")


class Hyphenation:
    """Joins lines; at a hyphen it asks the document itself how it writes the word elsewhere."""

    def __init__(self, pages: Sequence[list[Line]]) -> None:
        self._pages = pages

    # Most documents break no word: counted when first asked for, and each string between blanks looked into once.
    @cached_property
    def _strings(self) -> Counter[str]:
        text = "\n".join([line.text for page in self._pages for line in page])
        return Counter(text.split())

    @cached_property
    def _words(self) -> Counter[str]:
        words: Counter[str] = Counter()
        for string, times in self._strings.items():
            for word in _WORD.findall(string):
                words[word.casefold()] += times
        return words

    @cached_property
    def _compounds(self) -> set[str]:
        hyphened = (string for string in self._strings if "-" in string)
        return {found.casefold() for string in hyphened for found in _COMPOUND.findall(string)}

    def join(self, lines: Sequence[Line]) -> str:
        """The text of a block: list items and short lines keep their line breaks."""
        text = ""
        for previous, line in zip([None, *lines[:-1]], lines, strict=True):
            if previous is None:
                text = line.text
            elif previous.hyphen or self._hyphenated(text, line.text):
                text = self._rejoin(text, line.text)
            else:
                text += self._space(previous, line) + line.text
        return text

    def _hyphenated(self, text: str, following: str) -> bool:
        return (
            len(text) > 2
            and text[-1] in "-\u2010"
            and text[-2].isalpha()
            and following[:1].islower()
        )

    def _rejoin(self, text: str, following: str) -> str:
        before = text.rstrip("-\u2010")
        head = _WORD.findall(before)[-1:] or [""]
        tail = _WORD.match(following)
        if not tail or not head[0]:
            return f"{before}-{following}"
        hyphen = (
            "-"
            if self._keeps_hyphen(head[0].casefold(), tail.group().casefold(), following)
            else ""
        )
        return before + hyphen + following

    def _keeps_hyphen(self, head: str, tail: str, following: str) -> bool:
        """Joined where the document writes it joined; kept where both halves are words of it."""
        joined, compound = head + tail, f"{head}-{tail}"
        if self._words[joined]:
            return False
        if any(c == compound or c.startswith(compound + "-") for c in self._compounds):
            return True
        if following[len(tail) : len(tail) + 1] == "-":
            return True  # "out-" + "of-pocket"
        return self._words[head] > 1 and self._words[tail] > 1 and min(len(head), len(tail)) > 1

    @staticmethod
    def _space(previous: Line, line: Line) -> str:
        if LIST_MARK.match(line.text):
            return "\n"
        if _CJK.match(previous.text[-1:]) and _CJK.match(line.text[:1]):
            return ""
        return " " if previous.full or line.y > previous.y else "\n"
