"""What each guard would say of a text, without sending it anywhere or keeping anything. Entry point: ``tried``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.guards.findings import Action, Finding, Where, redacted
from inference.guards.policies import Policies
from inference.guards.registry import GUARDS, About, Guard
from inference.guards.support import Embed
from inference.types import Passage

LONGEST = 50_000


@dataclass(frozen=True)
class Told:
    """One guard's word: what it found, what it does about it now, and the text as it would go on."""

    guard: Guard
    action: Action
    found: Sequence[tuple[Finding, str]]
    becomes: str = ""


def tried(
    text: str,
    where: Where,
    policies: Policies,
    *,
    passages: Sequence[str] = (),
    schema: Mapping[str, Any] | None = None,
    embed: Embed | None = None,
) -> list[Told]:
    """By every guard that would look at it, also by those that are off. Nothing is masked for its own author."""
    known = [Passage(n, one) for n, one in enumerate(passages, start=1)]
    told = []
    for name, guard in GUARDS.items():
        if not _looks(guard, where, schema):
            continue
        setting = policies.settings[name]
        about = About(where, setting.options, known, schema, embed=embed)
        found = guard.detect(text[:LONGEST], about)
        parts = [(one, text[one.start : one.end][:200] if one.end else "") for one in found]
        becomes = redacted(text, found) if found and setting.action == "redact" else ""
        told.append(Told(guard, setting.action, parts, becomes))
    return told


def _looks(guard: Guard, where: Where, schema: Mapping[str, Any] | None) -> bool:
    if where == "passage":
        return guard.on_passages
    if where == "answer":
        return guard.stage == "output" or (guard.stage == "form" and schema is not None)
    return guard.stage == "input"
