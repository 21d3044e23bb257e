"""A question with what belongs to it, and what is searched for it.

A follow-up ("and in Zurich?", "who approved it?") means little to a search. ``search_text`` puts the last question that
stood on its own in front of it: deterministic, free, and easy to see in the trace. Where the follow-up names another
one of something ("and department 9?" after "... of department 7"), the earlier question is searched with that one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import regex

from orchestration.support import reading
from retrieval.filters import Filter
from retrieval.passages import Expansion

Author = Literal["user", "assistant"]
# Fewer content words than this cannot name a subject and ask something about it.
FEWEST_WORDS = 3
# Of an earlier question, this much is enough to name its subject.
LONGEST_REMINDER = 400
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|hers?|former|latter|same one)\b"
    r"|\b(?:that|this|these|those)\b(?=\s*(?:[?.!,]|$|is\b|are\b|was\b|were\b|ones?\b|mean|apply|work))"
    r"|^(?:and|but|so|or|what about|how about|also)\b",
    re.IGNORECASE,
)
# A number or a name, with the word before it.
_NAMED = regex.compile(
    r"(?<![\w./-])(?=(?P<kind>\p{L}[\w-]*)\s+(?P<name>[\p{Lu}\d](?:[\w./-]*\w)?))"
)
_Span = tuple[int, int]


@dataclass(frozen=True)
class Question:
    """What is asked. Without ``collection_ids``: of all that may be read; ``history``: earlier turns, oldest first."""

    text: str
    collection_ids: tuple[UUID, ...] | None = None
    history: tuple[tuple[Author, str], ...] = ()
    model: str | None = None
    feature: str = "chat"
    conversation_id: UUID | None = None
    instructions: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    fresh: bool = False
    """Answer anew, whatever is kept."""
    filter: Filter | None = None
    expand: Expansion | None = None
    """Other wordings of the question, or its parts, are searched too; None: as the operator has set."""


def search_text(question: Question) -> str:
    """What to search for: the question, with an earlier one before it when it does not stand on its own."""
    asked = [text for author, text in question.history if author == "user"]
    if not asked or stands_alone(question.text):
        return question.text
    reminder = _subject(asked)[:LONGEST_REMINDER]
    return f"{_about_another(reminder, question.text)} {question.text}"


def stands_alone(text: str) -> bool:
    """Does the text name its own subject?"""
    return len(reading(text).weights) >= FEWEST_WORDS and not _POINTS_BACK.search(text.strip())


def _about_another(reminder: str, follow_up: str) -> str:
    """The earlier question with the number or name that the follow-up gives in place of its own.

    Only where the same word stands before both, and before one alone in the earlier question: else it stays.
    """
    for kind, name, _ in _named(follow_up):
        found = [
            span for other, old, span in _named(reminder) if _is_another(kind, name, other, old)
        ]
        if len(found) == 1:
            start, end = found[0]
            reminder = f"{reminder[:start]}{name}{reminder[end:]}"
    return reminder


def _named(text: str) -> list[tuple[str, str, _Span]]:
    return [
        (one["kind"].casefold(), one["name"], one.span("name")) for one in _NAMED.finditer(text)
    ]


def _is_another(kind: str, name: str, other: str, old: str) -> bool:
    return kind == other and name[0].isdigit() == old[0].isdigit() and name != old


def _subject(asked: Sequence[str]) -> str:
    return next((text for text in reversed(asked) if stands_alone(text)), asked[-1])
