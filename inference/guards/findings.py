"""What a guard finds, and what is done about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Action: TypeAlias = Literal["off", "warn", "redact", "block"]
# What goes to a model, what it writes, and answers in a form that was asked for, which are read as a whole.
Stage: TypeAlias = Literal["input", "output", "form"]
Where: TypeAlias = Literal["question", "history", "passage", "answer"]


@dataclass(frozen=True)
class Finding:
    """A span of a text and what it is. ``score`` is from 0 to 1; without a span it is about the whole text."""

    kind: str
    start: int = 0
    end: int = 0
    score: float = 1.0
    says: str = ""

    @property
    def label(self) -> str:
        """What stands in the place of redacted text."""
        return f"[{self.kind}]"


@dataclass(frozen=True)
class Raised:
    """A finding in its place: which guard, where, and what was done."""

    guard: str
    where: Where
    action: Action
    finding: Finding
    excerpt: str

    def as_json(self) -> dict[str, object]:
        """For ledger and span: never the text itself."""
        return {
            "guard": self.guard,
            "kind": self.finding.kind,
            "where": self.where,
            "action": self.action,
            "score": round(self.finding.score, 4),
        }


def redacted(text: str, found: Sequence[Finding]) -> str:
    """The text with each span replaced by its label; overlapping spans become the first one."""
    parts, at = [], 0
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.start < at or one.end <= one.start:
            continue
        parts += [text[at : one.start], one.label]
        at = one.end
    return "".join([*parts, text[at:]])


def masked(text: str) -> str:
    """So much of a found text that its owner recognises it, and nobody else learns it."""
    kept = text[:2] + "…" + text[-2:] if len(text) > 8 else "…"
    return kept.replace("\n", " ")
