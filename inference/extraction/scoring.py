"""How well each sentence answers the question: meaning and words, of the sentence and of its passage.

The weights and the threshold are measured (benchmarks/extractive.py); docs/benchmarks.md has the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

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


def scored_sentences(
    asked: Sequence[str],
    passages: Sequence[Passage],
    sentences: Sequence[Sentence],
    embed: Embed | None,
) -> list[Scored]:
    """Scores, at most 1, in the order of `sentences`.

    `asked`: the question, and of a follow-up its own words too. The whole says which passage is the right one; as the
    sentence that answers the earlier question would win by it, a sentence is also measured by the follow-up alone.
    Cost: one embedding of each sentence and passage (about 1 ms for a sentence, 8 ms for a passage of 256 tokens).
    """
    words = [terms(sentence.text) for sentence in sentences]
    overlap = _overlap([terms(text) for text in asked], passages, sentences, words)
    if embed is None:
        return [
            Scored(one, value, None) for one, value in zip(sentences, overlap.alone, strict=True)
        ]
    of_sentences, of_passages, vectors = _meaning(asked, passages, sentences, embed)
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
    asked: list[list[str]],
    passages: Sequence[Passage],
    sentences: Sequence[Sentence],
    words: list[list[str]],
) -> _Overlap:
    vocabulary = Vocabulary(words)
    in_passage = [vocabulary.coverage(asked[0], terms(_whole(one))) for one in passages]
    pairs = [
        (fmean(vocabulary.coverage(one, held) for one in asked), in_passage[sentence.passage])
        for sentence, held in zip(sentences, words, strict=True)
    ]
    return _Overlap(
        [SENTENCE_WORDS * own + PASSAGE_WORDS * around for own, around in pairs],
        [WORDS_ALONE * own + (1 - WORDS_ALONE) * around for own, around in pairs],
    )


def _meaning(
    asked: Sequence[str], passages: Sequence[Passage], sentences: Sequence[Sentence], embed: Embed
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cosines of sentences and passages to what is asked, and the sentences' vectors."""
    vectors = embed([*asked, *map(_whole, passages), *(one.text for one in sentences)])
    questions, texts = vectors[: len(asked)], vectors[len(asked) :]
    cosines = np.clip(texts @ questions.T, 0, 1)
    count = len(passages)
    return cosines[count:].mean(axis=1), cosines[:count, 0], texts[count:]


def _whole(passage: Passage) -> str:
    return f"{passage.title} {passage.text}".strip()
