"""The answer by quotation. Entry point: `quotes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.extraction.lexical import terms
from inference.extraction.scoring import Embed, Scored, scored_sentences
from inference.extraction.sentences import quotable_sentences
from inference.types import Passage

# Below this the best sentence does not answer the question (calibrated: see `scoring`).
LEAST_SCORE = 0.47
LEAST_SCORE_OF_WORDS = 0.3
# A further sentence must come this close to the best one, and say something else.
LEAST_SHARE = 0.8
MOST_QUOTES = 4
SAME_MEANING, SAME_WORDS = 0.92, 0.7

NOTHING_FOUND = "Nothing in the documents that you can read matches this question."
NOT_ANSWERED = "The documents do not answer this question."


@dataclass(frozen=True)
class Quote:
    """A sentence of a passage, word for word, and the number of the passage's citation mark."""

    text: str
    n: int


@dataclass(frozen=True)
class Extract:
    """What can be quoted. Without quotes, `refusal` says why; `score` is the best sentence's."""

    quotes: list[Quote]
    score: float
    refusal: str = ""


def extract(
    question: str, passages: Sequence[Passage], embed: Embed | None, *, follow_up: str = ""
) -> Extract:
    """The one to four sentences that answer best, in reading order. Deterministic.

    `follow_up`: the end of the question that is asked now, where an earlier one stands before it.
    Without `embed` only shared words count: for languages that the model does not know, and when it is away.
    """
    given = list(passages)
    sentences = quotable_sentences(given)
    if not sentences:
        return Extract([], 0.0, NOTHING_FOUND)
    asked = (question, follow_up) if follow_up else (question,)
    ranked = sorted(scored_sentences(asked, given, sentences, embed), key=_by_rank)
    best = ranked[0].score
    if best < (LEAST_SCORE if embed else LEAST_SCORE_OF_WORDS):
        return Extract([], best, NOT_ANSWERED)
    chosen = _reading_order(_chosen(ranked))
    return Extract(
        [Quote(one.sentence.text, given[one.sentence.passage].n) for one in chosen], best
    )


def _by_rank(scored: Scored) -> tuple[float, int, int]:
    # Rounded, so that the last bits of a float do not decide between equals.
    return -round(scored.score, 6), scored.sentence.passage, scored.sentence.position


def _chosen(ranked: list[Scored]) -> list[Scored]:
    chosen: list[Scored] = []
    for candidate in ranked:
        if len(chosen) == MOST_QUOTES or candidate.score < ranked[0].score * LEAST_SHARE:
            break
        if not any(_says_the_same(candidate, one) for one in chosen):
            chosen.append(candidate)
    return chosen


def _says_the_same(one: Scored, other: Scored) -> bool:
    if _cosine(one, other) >= SAME_MEANING:
        return True
    mine, theirs = set(terms(one.sentence.text)), set(terms(other.sentence.text))
    smaller = min(len(mine), len(theirs))
    return smaller > 0 and len(mine & theirs) / smaller >= SAME_WORDS


def _cosine(one: Scored, other: Scored) -> float:
    if one.vector is None or other.vector is None:
        return 0.0
    return float(one.vector @ other.vector)


def _reading_order(chosen: list[Scored]) -> list[Scored]:
    """Passages in the order of their best sentence, sentences as they stand in their passage."""
    order: dict[int, int] = {}
    for rank, scored in enumerate(chosen):
        order.setdefault(scored.sentence.passage, rank)
    return sorted(chosen, key=lambda one: (order[one.sentence.passage], one.sentence.position))
