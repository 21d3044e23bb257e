"""What an answer depends on, as one key. A part that is forgotten here is an answer that reaches the wrong reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tenants.scope import Principal

# Raise it when what is stored, or how it is made, changes its meaning.
VERSION = 1


@dataclass(frozen=True)
class Key:
    """Everything that an answer was made from. The tenant is in it, although row-level security stands before it too.

    ``collections``: those that were named; none: all that may be read, whose passages are not only those of the
    collections that the asker sees. ``corpus``: the state of the documents (``ingestion.generations``); ``model``: who
    answers (``ResolvedModel.identity``); ``policy``: the guards that were on duty.
    """

    principal: Principal
    feature: str
    question: str
    corpus: str
    collections: tuple[UUID, ...]
    prompt_version_id: UUID | None
    model: tuple[str, ...]
    policy: str = ""
    parameters: tuple[tuple[str, Any], ...] = ()
    history: Sequence[tuple[str, str]] = ()

    @property
    def context(self) -> bytes:
        """Digest of everything but the question."""
        return _digest(
            [
                VERSION,
                str(self.principal.tenant_id),
                permissions(self.principal),
                self.feature,
                self.corpus,
                sorted(str(one) for one in self.collections),
                str(self.prompt_version_id),
                self.model,
                self.policy,
                sorted(self.parameters),
                [list(turn) for turn in self.history],
            ]
        )

    @property
    def asked(self) -> bytes:
        """Digest of the question; white space at its ends and runs of it make no difference."""
        return _digest(self.question.split())


def permissions(principal: Principal) -> list[str]:
    """What the policies of the database look at when this principal searches."""
    if principal.reads_all:
        return ["everything"]
    return ["groups", *sorted(str(group) for group in principal.group_ids)]


def _digest(parts: Any) -> bytes:
    # JSON keeps parts apart: no text can pretend to be the end of one and the beginning of the next.
    told = json.dumps(parts, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(told.encode()).digest()
