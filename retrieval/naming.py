"""A passage of a document that the question names comes before its like in other documents.

Handbooks of two plans, reports of two years, manuals of two models say nearly the same, and the passage of the wrong
one is often as near to the question, in meaning and in words, as the right one's. What tells them apart stands in their
titles. Entry point: ``with_named_first``, on the list of a hybrid search; docs/benchmarks.md has the figures.
Cost: some 35 microseconds, for titles met before.
"""

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from math import log

from ingestion.lexical import terms
from retrieval.passages import Passage
from retrieval.questions import Terms

# So many of the first passages are looked at, whatever was asked for, so that a deeper search orders them alike.
CONSIDERED = 10
# What a named document's passage counts more: it passes what is about as good, and nothing that is clearly better.
WEIGHT = 1.1
# How much of what tells its title from the others must stand in the question.
LEAST_SHARE = 2 / 3
# Sums of the same numbers in another order, which is that of hashes and so the process's own.
ROUNDING = 1e-9
# How much a word tells about which of so many titles is meant, by how many have it: the logarithm's square, so that
# "Plus" names "Northwind Health Plus Plan" also where one title in ten is another's; nothing where all have it.
TELLING = [
    [log(titles / (having or titles)) ** 2 for having in range(titles + 1)]
    for titles in (1, *range(1, CONSIDERED + 1))
]
# What joins the words of file names: nobody asks for ``staff_handbook-v2`` as it is written.
_JOINTS = str.maketrans("_-", "  ")
Title = frozenset[str]


def with_named_first(passages: tuple[Passage, ...], asked: Terms) -> tuple[Passage, ...]:
    """The passages, the first ten by scores that count more where the question names the document.

    ``asked`` are the question's terms by language. A title is named where the question has two thirds of its words,
    each weighed by how few of the ten passages' titles have it. ``explain.title_named`` tells it.
    """
    first = passages[:CONSIDERED]
    titles = [_words(one.title, one.language) for one in first]
    named = _named({*titles}, frozenset().union(*asked.values()))
    if not named:
        return passages
    weighed = [
        _weighed(one) if title in named else one for one, title in zip(first, titles, strict=True)
    ]
    ordered = sorted(weighed, key=lambda one: -one.score)
    ranked = [replace(one, rank=rank) for rank, one in enumerate(ordered, start=1)]
    return (*ranked, *passages[CONSIDERED:])


def _weighed(passage: Passage) -> Passage:
    explain = replace(passage.explain, title_named=True)
    return replace(passage, score=passage.score * WEIGHT, explain=explain)


def _named(titles: AbstractSet[Title], asked: AbstractSet[str]) -> list[Title]:
    """Those of the titles that the question names."""
    counts = Counter(chain.from_iterable(titles))
    weights = TELLING[len(titles)]
    found = []
    for title in titles:
        if held := title & asked:
            whole = sum([weights[counts[word]] for word in title])
            share = sum([weights[counts[word]] for word in held])
            if whole and share >= LEAST_SHARE * whole - ROUNDING:
                found.append(title)
    return found


@lru_cache(maxsize=10_000)
def _words(title: str, language: str) -> Title:
    return frozenset(terms(title.translate(_JOINTS), language, question=True))
