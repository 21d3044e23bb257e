"""What a reranker is to the gateway: one attempt at scoring a batch, or an error of the tree."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from inference.clock import Clock
from inference.errors import UnreadableResponse
from inference.providers.provider import ResolvedModel
from inference.types import Usage


@dataclass(frozen=True)
class Scored:
    """Scores from 0 to 1 in the order of the documents, and what reading them took."""

    scores: list[float]
    usage: Usage


class Reranker(Protocol):
    """`batch` documents at most are scored at once. Raises ProviderError, Cancelled."""

    batch: int

    def score(
        self, query: str, documents: Sequence[str], model: ResolvedModel, clock: Clock
    ) -> Scored: ...


def in_place(scored: Mapping[Any, Any], count: int) -> list[float]:
    """Scores by index as a list; every document must have one. Raises UnreadableResponse."""
    try:
        scores = [float(scored[index]) for index in range(count)]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UnreadableResponse(f"expected a score for each of {count} documents") from error
    if not all(map(math.isfinite, scores)):
        raise UnreadableResponse("a score is not a finite number")
    return [min(1.0, max(0.0, score)) for score in scores]
