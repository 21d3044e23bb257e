"""Does what was found answer the question at all? One score, 0 to 1, from what a search knows anyway.

``answerability(query, passages)`` looks at the first ten passages, leaving out the page before the best, which is there
for the sake of another:

- how well the best matches, by meaning (its cosine) and by meaning and words together (cosine x share of the asked
  words held, the geometric mean);
- how far the best cosine stands above the last, and above the second, and the best BM25 above the median: an answer
  stands out, a missing one leaves a plain;
- how many of the asked words the best passage holds, up to eight: evidence of six words is more than the same share
  of two;
- for words that the embedding model does not know (``trust``), BM25 alone, also as a share of what the question could
  reach, instead of cosines, which say nothing there.

The weights began as a logistic regression over Contoso and ClapNQ (answerable or not, as labelled) and, for the unknown
words, paragraphs of other languages with the right one taken away; those of what stands out were moved since, where
both sets gained. docs/benchmarks.md has the AUROC. Chat and the
extractive model refuse below ``THRESHOLD``. Cost: the terms of ten passages, some 5 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log1p, sqrt
from statistics import median

from ingestion.lexical import terms
from retrieval.passages import Passage
from retrieval.trust import known_share

CONSIDERED = 10
# More asked words than these are no better evidence.
MOST_WORDS = 8
THRESHOLD = 0.35


@dataclass(frozen=True)
class Signals:
    """What the score is made of; each 0 to 1 but for ``evidence``, the logarithm of a count of words."""

    cosine: float
    match: float
    standout: float
    lead: float
    evidence: float
    known: float
    lexical_share: float
    lexical_standout: float


def answerability(query: str, passages: Sequence[Passage], *, language: str = "english") -> float:
    """How likely the passages answer the question, 0 to 1; 0 without passages. ``language`` is the index's."""
    if not passages:
        return 0.0
    by_themselves = [one for one in passages if not one.explain.page_before]
    found = signals(query, (by_themselves or passages)[:CONSIDERED], language)
    return 1 / (1 + exp(-_logit(found)))


def is_answerable(query: str, passages: Sequence[Passage], *, language: str = "english") -> bool:
    """Whether an answer should be tried at all."""
    return answerability(query, passages, language=language) >= THRESHOLD


def signals(query: str, passages: Sequence[Passage], language: str) -> Signals:
    """The signals of a question and its (at least one) passages."""
    asked = set(terms(query, language, question=True))
    held = [len(asked & _terms_of(passage, language)) for passage in passages]
    cosines = [max(0.0, passage.explain.dense_score or 0.0) for passage in passages]
    scores = [passage.explain.lexical_score or 0.0 for passage in passages]
    shares = [count / len(asked) if asked else 0.0 for count in held]
    best, ordered = max(scores), sorted(cosines, reverse=True)
    return Signals(
        cosine=max(cosines),
        match=max(sqrt(cosine * share) for cosine, share in zip(cosines, shares, strict=True)),
        standout=max(cosines) - min(cosines),
        lead=ordered[0] - ordered[1] if len(ordered) > 1 else 0.0,
        evidence=log1p(min(MOST_WORDS, max(held))),
        known=known_share(query) if any(cosines) else 0.0,
        lexical_share=max(passage.explain.lexical_share or 0.0 for passage in passages),
        lexical_standout=(best - median(scores)) / best if best else 0.0,
    )


def _logit(found: Signals) -> float:
    standing = 4.5 * found.standout + 2.7 * found.lead + 1.2 * found.lexical_standout
    by_meaning = 4.0 * found.cosine + 2.3 * found.match + standing + 1.6 * found.evidence - 7.5
    by_words = 6.0 * found.lexical_share + 7.4 * found.lexical_standout + 1.3 * found.evidence - 8.0
    return found.known * by_meaning + (1 - found.known) * by_words


def _terms_of(passage: Passage, language: str) -> set[str]:
    return set(terms(" ".join([passage.title, *passage.heading_path, passage.text]), language))
