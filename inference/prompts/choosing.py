"""Which version of a prompt answers now. Entry point: ``choose``.

The canary's share is of conversations, not of calls: the same ``sticky`` value always falls on the same side, and a
larger share keeps everybody who was in the smaller one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from inference.models import PromptLabel, PromptVersion
from inference.prompts.files import built_in, built_in_id
from inference.prompts.templates import Template, parse
from inference.types import PromptUsed

BUILT_IN = "built-in"
BUCKETS = 10_000


@dataclass(frozen=True)
class Chosen:
    """The template to fill, and how ledger and trace name it."""

    used: PromptUsed
    template: Template


def choose(name: str, *, sticky: str) -> Chosen:
    """The version that answers for ``sticky`` (a conversation, else who asks), in the open scope. One query.

    Raises UnknownPrompt for a name that the code does not know.
    """
    # Uses index: prompt_name_once, prompt_label_once.
    labels = PromptLabel.objects.select_related("version").filter(prompt__name=name)
    found = {row.name: row for row in labels}
    canary = found.get(PromptLabel.Name.CANARY)
    if canary is not None and bucket(name, sticky) < canary.percent * BUCKETS // 100:
        return _chosen(name, canary.version, PromptLabel.Name.CANARY)
    production = found.get(PromptLabel.Name.PRODUCTION)
    return _chosen(name, production.version if production else None, PromptLabel.Name.PRODUCTION)


def bucket(name: str, sticky: str) -> int:
    """0 to 9,999, the same for the same conversation."""
    digest = hashlib.sha256(f"{name}\x00{sticky}".encode()).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def _chosen(name: str, version: PromptVersion | None, label: str) -> Chosen:
    if version is None:
        default = built_in(name)
        return Chosen(PromptUsed(name, built_in_id(name), BUILT_IN, label), default.template)
    used = PromptUsed(name, UUID(str(version.pk)), str(version.number), label)
    return Chosen(used, parse(version.body))
