"""How hard a question looks: points for things that anybody can see, and the tier that the points buy.

Entry point: `tier_of`. No model is asked; the reasons stand on the ledger's row. Every number is a field of `Rule`,
and a route may set each of them (`Route.complexity`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from inference.models import Model

# Words that ask for more than a look-up, in the languages that the interface speaks first.
COMPARING = re.compile(
    r"\b(compar\w*|versus|vs\.?|differen\w*|contrast\w*|trade-?offs?|pros and cons|why|explain|analy[sz]\w*"
    r"|summari[sz]e|calculat\w*|better|worse|vergleich\w*|unterschied\w*|warum|pourquoi|diff[ée]ren\w*)\b",
    re.IGNORECASE,
)
NUMBER = re.compile(r"\d[\d.,]*")
# A list, a second question mark, or "and" before another question word: each begins a question of its own.
PARTS = re.compile(
    r"\?|^\s*(?:[-*•]|\d+[.)])\s"
    r"|\b(?:and|und|et|y)\s+(?:how|what|when|where|who|why|which|is|are|does|do|can|wie|was|wann|quand)\b",
    re.IGNORECASE | re.MULTILINE,
)


class BadRule(ValueError):
    """A route's rule names what is none, or gives it no sensible number."""


@dataclass(frozen=True)
class Rule:
    """What gives a point, and how many points a tier takes."""

    long_words: int = 25
    very_long_words: int = 80
    many_passages: int = 8
    points_long: int = 1
    points_very_long: int = 2
    points_per_extra_question: int = 1
    points_comparing: int = 1
    points_numbers: int = 1
    points_many_passages: int = 1
    standard_from: int = 1
    large_from: int = 3


@dataclass(frozen=True)
class Judged:
    """A tier, the points that led to it, and where they came from."""

    tier: str
    points: int
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.tier} ({', '.join(self.reasons) or 'a short, single question'})"


def rule_from(overrides: Mapping[str, Any]) -> Rule:
    """The usual rule with some of its numbers changed. Raises BadRule, naming the field."""
    known = {field.name for field in fields(Rule)}
    for name, value in overrides.items():
        if name not in known:
            raise BadRule(f"{name}: unknown; a rule has {', '.join(sorted(known))}")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
            raise BadRule(f"{name}: expected a whole number from 0 to 10000, got {value!r}")
    rule = Rule(**overrides)
    if rule.large_from < rule.standard_from:
        raise BadRule("large_from: must not be below standard_from")
    return rule


def tier_of(question: str, *, passages: int = 0, rule: Rule | None = None) -> Judged:
    """Small, standard or large, and why. A few regular expressions over the question."""
    used = rule or Rule()
    found = [one for one in _seen(question, passages, used) if one[0] > 0]
    points = sum(one[0] for one in found)
    return Judged(_tier(points, used), points, tuple(reason for _, reason in found))


def _seen(question: str, passages: int, rule: Rule) -> list[tuple[int, str]]:
    words, parts = len(question.split()), max(1, len(PARTS.findall(question)))
    comparing = COMPARING.search(question)
    numbers = NUMBER.findall(question)
    return [
        _length(words, rule),
        ((parts - 1) * rule.points_per_extra_question, f"{parts} questions"),
        (
            rule.points_comparing if comparing else 0,
            f"asks to {comparing[0]!r}" if comparing else "",
        ),
        (rule.points_numbers if len(numbers) > 1 else 0, f"{len(numbers)} numbers"),
        (
            rule.points_many_passages if passages >= rule.many_passages else 0,
            f"{passages} passages",
        ),
    ]


def _length(words: int, rule: Rule) -> tuple[int, str]:
    if words >= rule.very_long_words:
        return rule.points_very_long, f"{words} words"
    return (rule.points_long if words >= rule.long_words else 0), f"{words} words"


def _tier(points: int, rule: Rule) -> str:
    if points >= rule.large_from:
        return Model.Tier.LARGE
    return Model.Tier.STANDARD if points >= rule.standard_from else Model.Tier.SMALL
