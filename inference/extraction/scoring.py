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

SENTENCE_MEANING, PASSAGE_MEANING = 0.45, 0.35
SENTENCE_WORDS, PASSAGE_WORDS = 0.1, 0.1
# Retrieval's order knows things that these four do not.
PER_RANK = 0.02
# Without an embedder there are only words, and what they are worth alone.
WORDS_ALONE = 0.5


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
    """Scores, at most 1, in the order of `sentences`.

    Cost: one embedding of each sentence and passage (about 1 ms for a sentence, 8 ms for a passage of 256 tokens).
    """
    words = [terms(sentence.text) for sentence in sentences]
    overlap = _overlap(terms(question), passages, sentences, words)
    if embed is None:
        return [
            Scored(one, value, None) for one, value in zip(sentences, overlap.alone, strict=True)
        ]
    of_sentences, of_passages, vectors = _meaning(question, passages, sentences, embed)
    return [
        Scored(
            sentence,
            SENTENCE_MEANING * float(of_sentences[index])
            + PASSAGE_MEANING * float(of_passages[sentence.passage])
            + overlap.blended[index]
            - PER_RANK * sentence.passage,
            vectors[index],
        )
        for index, sentence in enumerate(sentences)
    ]


@dataclass(frozen=True)
class _Overlap:
    """What shared words are worth, per sentence: beside meaning, and alone."""

    blended: list[float]
    alone: list[float]


def _overlap(
    asked: list[str],
    passages: Sequence[Passage],
    sentences: Sequence[Sentence],
    words: list[list[str]],
) -> _Overlap:
    vocabulary = Vocabulary(words)
    in_passage = [vocabulary.coverage(asked, terms(_whole(one))) for one in passages]
    pairs = [
        (vocabulary.coverage(asked, held), in_passage[sentence.passage])
        for sentence, held in zip(sentences, words, strict=True)
    ]
    return _Overlap(
        [SENTENCE_WORDS * own + PASSAGE_WORDS * around for own, around in pairs],
        [WORDS_ALONE * own + (1 - WORDS_ALONE) * around for own, around in pairs],
    )


def _meaning(
    question: str, passages: Sequence[Passage], sentences: Sequence[Sentence], embed: Embed
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cosines of sentences and passages to the question, and the sentences' vectors."""
    vectors = embed([question, *map(_whole, passages), *(one.text for one in sentences)])
    cosines = np.clip(vectors[1:] @ vectors[0], 0, 1)
    count = len(passages)
    return cosines[count:], cosines[:count], vectors[1 + count :]


def _whole(passage: Passage) -> str:
    return f"{passage.title} {passage.text}".strip()
