"""Which prompts there are and what may stand in them. A new kind is one entry here and one file in ``defaults/``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A prompt that the code asks for by name.

    ``offers`` says what each variable holds; ``requires`` must be used; ``volatile`` differ from one question to the
    next, so they may not stand before the last message: providers cache a prompt's beginning, while it stays.
    """

    name: str
    purpose: str
    offers: dict[str, str]
    requires: frozenset[str]
    volatile: frozenset[str]


ANSWER = Kind(
    name="answer",
    purpose="Answers a question from the passages that were found.",
    offers={
        "passages": "The numbered passages, each in a fence of its own.",
        "question": "What is asked.",
        "instructions": "Wishes on style and scope from whoever calls the API; often empty.",
        "no_answer": "The words by which a model says that the passages do not answer.",
    },
    requires=frozenset({"passages", "question", "no_answer"}),
    volatile=frozenset({"passages", "question"}),
)

REWRITE = Kind(
    name="rewrite",
    purpose="Makes a follow-up a question of its own, for the search.",
    offers={
        "conversation": "The turns before, one a line, with who said each.",
        "question": "The follow-up.",
    },
    requires=frozenset({"conversation", "question"}),
    volatile=frozenset({"conversation", "question"}),
)

JUDGE = Kind(
    name="judge",
    purpose="Says whether passages bear out one sentence of an answer.",
    offers={
        "passages": "The passages that the sentence cites, each in a fence of its own.",
        "claim": "The sentence, without its citation marks.",
    },
    requires=frozenset({"passages", "claim"}),
    volatile=frozenset({"passages", "claim"}),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in (ANSWER, REWRITE, JUDGE)}
