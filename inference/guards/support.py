"""How far a sentence of an answer is borne out by the passages that it cites, without a model that judges.

The share of the claim's content words that the evidence holds, and the likeness of the two by sentence embeddings;
less for each sign that the evidence says the opposite (``contradiction``). It tells what is about something else very
well, and what says the opposite only sometimes: ``docs/benchmarks.md`` has both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.extraction.lexical import terms
from inference.extraction.sentences import quotable_sentences
from inference.guards.contradiction import signs
from inference.types import Passage

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
# From here on a sentence counts as borne out.
SUPPORTED = 0.25
WORDS_WEIGHT = 0.5
# What is left of the value when a sign is there; the last two are as far apart as SciFact's claims say.
PENALTIES = {"number": 0.6, "quantity": 0.6, "name": 0.85, "negation": 0.5, "direction": 0.3}
# Of the evidence's sentences, how many are compared by their embeddings: those with the most words in common.
COMPARED = 3
# Shorter sentences ("Yes.", "In short:") claim nothing that a source could bear out.
FEWEST_WORDS = 4
MARK = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True)
class Support:
    """0 to 1, and what it is made of; ``likeness`` is None when nothing was embedded."""

    value: float
    words: float
    likeness: float | None = None
    disagrees: tuple[str, ...] = ()


def score(claim: str, evidence: Sequence[str], embed: Embed | None) -> Support:
    """Of one sentence. With ``embed``: one call for the claim and at most three sentences."""
    asked = set(terms(claim))
    passages = [Passage(n, text) for n, text in enumerate(evidence, start=1)]
    told = [one.text for one in quotable_sentences(passages)] or list(evidence)
    held = set(terms(" ".join(evidence)))
    words = len(asked & held) / len(asked) if asked else 0.0
    nearest = sorted(told, key=lambda part: -len(asked & set(terms(part))))[:COMPARED]
    likeness = _likeness(claim, nearest, embed) if embed and told else None
    value = words if likeness is None else WORDS_WEIGHT * words + (1 - WORDS_WEIGHT) * likeness
    found = signs(claim, nearest[0] if nearest else "", " ".join(evidence))
    for name, strength in found.items():
        value *= PENALTIES[name] ** strength
    disagrees = tuple(name for name, strength in found.items() if strength)
    return Support(round(value, 4), words, likeness, disagrees)


def _likeness(claim: str, told: Sequence[str], embed: Embed) -> float:
    found = embed([claim, *told])
    return float(max(0.0, np.max(found[1:] @ found[0])))
