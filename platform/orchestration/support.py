"""How far a quoted text bears out a sentence: a cheap, deterministic measure, and the span that does it best.

``support`` is the share of the sentence's content words (stemmed; numbers count double, names one and a half times)
that the evidence holds, lowered when numbers or negation disagree. It reads words, not meaning: a high figure says
that the words are there, a low one that somebody should look. Cost: microseconds per sentence; no model, no query.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import regex

from inference.scripts import RUN, UNSPACED, is_unspaced, pairs
from ingestion.lexical import stem
from ingestion.stopwords import STOPWORDS
from orchestration.sentences import Span, passage_sentences

# A sentence is borne out when its support reaches this.
SUPPORTED = 0.5
NUMBER_WEIGHT, NAME_WEIGHT = 2.0, 1.5
NUMBER_DISAGREES, NEGATION_DISAGREES = 0.4, 0.4
# A second sentence joins the quote only when it adds this much.
WORTH_A_SECOND_SENTENCE = 0.15

_LETTER = rf"(?![{UNSPACED}])[^\W\d_]"
_WORD = regex.compile(rf"\d+(?:[.,]\d+)*|{RUN}|(?:{_LETTER})+(?:['’](?:{_LETTER})+)*|\w+")
_MARK = re.compile(r"\[\d+\]")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?:\D|$))")
# In the languages whose negation is a word of its own.
_NEGATIONS = frozenset(
    {"not", "no", "never", "none", "nor", "neither", "without", "cannot", "nobody", "nothing"}
    | {"nicht", "kein", "keine", "nie", "ne", "pas", "jamais", "sin", "nunca"}
)
_NUMBER_WORDS = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5"} | {
    "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10", "eleven": "11", "twelve": "12",
}  # fmt: skip
# Words in which an answer speaks of its sources, besides the language's own stop words.
_SPEAKING = {"according", "document", "documents", "state", "states", "say", "says", "yes", "also"}
_STOP_WORDS = STOPWORDS["english"] | _SPEAKING


@dataclass(frozen=True)
class Reading:
    """What a text says, as far as this measure looks: weighted content words, its numbers, whether it negates."""

    weights: dict[str, float]
    numbers: frozenset[str]
    negates: bool


@dataclass(frozen=True)
class Evidence:
    """The span of a passage that best bears out a sentence, as offsets in the passage's text."""

    start: int
    end: int
    support: float


def reading(text: str) -> Reading:
    """Reduce a text to what is compared."""
    weights: dict[str, float] = {}
    numbers: set[str] = set()
    negates = False
    for match in _WORD.finditer(_MARK.sub(" ", text)):
        word = match[0].casefold()
        negates = negates or word in _NEGATIONS or word.endswith(("n't", "n’t"))
        for term, weight in _terms(match[0], word, starts=match.start() == 0):
            weights[term] = max(weight, weights.get(term, 0.0))
            if weight == NUMBER_WEIGHT:
                numbers.add(term)
    return Reading(weights, frozenset(numbers), negates)


def _terms(written: str, word: str, *, starts: bool) -> list[tuple[str, float]]:
    if word[0].isdigit():
        return [(_THOUSANDS.sub("", word).replace(",", "."), NUMBER_WEIGHT)]
    if word in _NUMBER_WORDS:
        return [(_NUMBER_WORDS[word], 1.0)]
    if word in _STOP_WORDS or word in _NEGATIONS:
        return []
    if is_unspaced(word):
        return [(pair, 1.0) for pair in pairs(word)]
    is_name = written[0].isupper() and not starts
    root = stem(word.removesuffix("'s").removesuffix("’s"), "english")
    return [(root, NAME_WEIGHT if is_name else 1.0)]


def support(claim: Reading, evidence: Reading) -> float:
    """0 to 1: how far ``evidence`` bears ``claim`` out; 0 for a claim without content words."""
    share = coverage(claim, evidence)
    if claim.numbers - evidence.weights.keys():
        share *= NUMBER_DISAGREES
    if claim.negates != evidence.negates:
        share *= NEGATION_DISAGREES
    return share


def coverage(claim: Reading, evidence: Reading) -> float:
    """The weighted share of the claim's content words that the evidence holds."""
    total = sum(claim.weights.values())
    held = sum(weight for term, weight in claim.weights.items() if term in evidence.weights)
    return held / total if total else 0.0


def best_evidence(claim: Reading, passage: str) -> Evidence:
    """The first sentence, or two neighbouring ones, that best bear out ``claim``.

    Chosen by the words alone: a sentence that says the opposite is the one that a reader has to see.
    """
    spans = passage_sentences(passage) or [(0, len(passage))]
    pairs = [(first[0], second[1]) for first, second in pairwise(spans)]
    single, held = _best(claim, passage, spans)
    pair, held_by_two = _best(claim, passage, pairs or spans)
    start, end = pair if held_by_two >= held + WORTH_A_SECOND_SENTENCE else single
    return Evidence(start, end, support(claim, reading(passage[start:end])))


def _best(claim: Reading, passage: str, spans: list[Span]) -> tuple[Span, float]:
    held = [coverage(claim, reading(passage[start:end])) for start, end in spans]
    best = max(range(len(spans)), key=held.__getitem__)
    return spans[best], held[best]
