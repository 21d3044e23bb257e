"""How much of a question's vocabulary a text holds, rare words counting more."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import regex
import Stemmer

from inference.scripts import IDEOGRAPHS, RUN, UNSPACED, UNSPACED_ALPHABETS, is_unspaced, pairs

_ASCII_WORD = re.compile(r"\w+(?:[.,]\d+)*", re.ASCII)
# `re` takes the vowel signs of Indian scripts for gaps between words; `regex` does not.
_WORD = regex.compile(rf"{RUN}|(?:(?![{UNSPACED}])\w)+(?:[.,]\d+)*")
# What a pair of characters that no sentence holds weighs, beside a word. Of Chinese and Japanese pairs every other one
# stands across two words, or asks; of an alphabet's many are held by chance, and what is not says more.
_UNSEEN = (
    (regex.compile(rf"[{IDEOGRAPHS}]"), 0.5),
    (regex.compile(rf"[{UNSPACED_ALPHABETS}]"), 1.5),
)
# Words that ask or glue, and say nothing about the subject. Other languages rely on rarity alone.
_GLUE = frozenset({
    "a", "about", "am", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "could", "did", "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in",
    "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "or", "our", "s", "should",
    "so", "than", "that", "the", "their", "them", "then", "there", "these", "they", "this",
    "those", "to", "under", "was", "we", "were", "what", "when", "where", "which", "while",
    "who", "whom", "whose", "why", "will", "with", "would", "you", "your",
})  # fmt: skip

_stemmer = lru_cache(maxsize=1)(lambda: Stemmer.Stemmer("english"))


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


def terms(text: str) -> list[str]:
    """Stemmed content words, with repetitions; of a script without blanks between words, pairs of characters."""
    pattern = _ASCII_WORD if text.isascii() else _WORD
    return [term for word in pattern.findall(text.casefold()) for term in _terms(word)]


def _terms(word: str) -> Iterable[str]:
    if is_unspaced(word):
        return pairs(word)
    return () if word in _GLUE else (_stem(word),)


def _weight_unseen(term: str) -> float:
    return next((weight for script, weight in _UNSEEN if script.search(term)), 1.0)


class Vocabulary:
    """Term rarity within the sentences at hand:

    there is no corpus here, and this one is the right neighbourhood.
    """

    def __init__(self, texts: Iterable[list[str]]) -> None:
        sets = [set(one) for one in texts]
        self._count = len(sets)
        self._frequency = Counter(term for one in sets for term in one)

    def weight(self, term: str) -> float:
        """Rarity; a word that no sentence holds weighs as much as the rarest."""
        frequency = self._frequency.get(term, 0)
        rarity = math.log(1 + (self._count + 1) / (frequency + 1))
        return rarity if frequency or term.isascii() else rarity * _weight_unseen(term)

    def coverage(self, question: list[str], text: list[str]) -> float:
        """The weighted share of the question's terms that the text holds, in 0..1."""
        asked = set(question)
        total = sum(map(self.weight, asked))
        held = asked.intersection(text)
        return sum(map(self.weight, held)) / total if total else 0.0
