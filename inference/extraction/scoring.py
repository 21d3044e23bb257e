"""How well each sentence answers the question: meaning and words, of the sentence and of its passage.

The weights and the threshold are measured (benchmarks/extractive.py); docs/benchmarks.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inference.embedding.embedder import FloatArray
from inference.extraction.lexical import Vocabulary, terms
from inference.extraction.sentences import Sentence
from inference.types import Passage

Embed = Callable[[Sequence[str]], FloatArray]

MEANING, WORDS = 0.55, 0.25
PASSAGE_MEANING, PASSAGE_WORDS = 0.1, 0.1


@dataclass(frozen=True)
class Scored:
    """A sentence with its score; `vector` is its embedding, or None when there was no embedder to ask."""

    sentence: Sentence
    score: float
    vector: FloatArray | None


@dataclass(frozen=True)
class _Meaning:
    """Cosines to the question; zeros when nothing could be embedded."""

    sentences: FloatArray
    passages: FloatArray
    vectors: FloatArray | None


def scored_sentences(
    question: str, passages: Sequence[Passage], sentences: Sequence[Sentence], embed: Embed | None
) -> list[Scored]:
    """Scores in 0..1, in the order of `sentences`.

    Cost: one embedding of each sentence and passage (about 1 ms each).
    """
    meaning = _meaning(question, passages, sentences, embed)
    asked = terms(question)
    words = [terms(sentence.text) for sentence in sentences]
    vocabulary = Vocabulary(words)
    in_passage = [vocabulary.coverage(asked, terms(f"{one.title} {one.text}")) for one in passages]
    scored = []
    for index, sentence in enumerate(sentences):
        score = (
            MEANING * float(meaning.sentences[index])
            + WORDS * vocabulary.coverage(asked, words[index])
            + PASSAGE_MEANING * float(meaning.passages[sentence.passage])
            + PASSAGE_WORDS * in_passage[sentence.passage]
        )
        vector = None if meaning.vectors is None else meaning.vectors[index]
        scored.append(Scored(sentence, score, vector))
    return scored


def _meaning(
    question: str, passages: Sequence[Passage], sentences: Sequence[Sentence], embed: Embed | None
) -> _Meaning:
    if embed is None:
        return _Meaning(
            np.zeros(len(sentences), np.float32), np.zeros(len(passages), np.float32), None
        )
    texts = [question, *(one.text for one in passages), *(one.text for one in sentences)]
    vectors = embed(texts)
    cosines = np.clip(vectors[1:] @ vectors[0], 0, 1)
    count = len(passages)
    return _Meaning(cosines[count:], cosines[:count], vectors[1 + count :])
