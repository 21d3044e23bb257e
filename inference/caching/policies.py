"""What a feature may take from the cache. One query per answer, in the open scope."""

from __future__ import annotations

from dataclasses import dataclass

from inference.caching.rows import DEFAULT_MOST, DEFAULT_SECONDS, DEFAULT_THRESHOLD
from inference.models import CachePolicy

# Evaluations and agents measure or act: what they ask for must be done anew.
BY_DEFAULT = frozenset({"chat", "api.ask", "api.chat", "rewrite", "judge"})


@dataclass(frozen=True)
class Policy:
    """See ``CachePolicy``."""

    exact: bool = False
    semantic: bool = False
    threshold: float = DEFAULT_THRESHOLD
    seconds: int = DEFAULT_SECONDS
    most: int = DEFAULT_MOST


OFF = Policy()


def of(feature: str) -> Policy:
    """The tenant's policy for a feature. Uses index: cache_policy_once."""
    row = CachePolicy.objects.filter(feature=feature).first()
    if row is None:
        return Policy(exact=feature in BY_DEFAULT)
    return Policy(row.exact, row.semantic, row.threshold, row.seconds, row.most)
