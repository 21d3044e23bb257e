"""A question with what belongs to it, and what is searched for it.

A follow-up ("and in Zurich?", "who approved it?") means little to a search. ``search_text`` puts the last question that
stood on its own in front of it: deterministic, free, and easy to see in the trace.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from orchestration.support import reading

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


def search_text(question: Question) -> str:
    """What to search for: the question, with an earlier one before it when it does not stand on its own."""
    asked = [text for author, text in question.history if author == "user"]
    if not asked or stands_alone(question.text):
        return question.text
    return f"{_subject(asked)[:LONGEST_REMINDER]} {question.text}"


def stands_alone(text: str) -> bool:
    """Does the text name its own subject?"""
    return len(reading(text).weights) >= FEWEST_WORDS and not _POINTS_BACK.search(text.strip())


def _subject(asked: Sequence[str]) -> str:
    return next((text for text in reversed(asked) if stands_alone(text)), asked[-1])
