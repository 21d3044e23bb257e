"""What a route must be before it is saved, from the admin's form and from a file alike. Entry point: `problems`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference import catalogue
from inference.errors import EncryptionError
from inference.models import Candidate, Model, Route
from inference.routing.complexity import BadRule, rule_from
from inference.routing.operations import EMBED, KINDS, resolved
from inference.routing.plans import EVERY_FEATURE
from inference.snapshots import Snapshot

FEATURE = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
MOST_CANDIDATES = 20
LONGEST_HEDGE_MS = 60_000


@dataclass(frozen=True)
class Problem:
    """`field` is one of the route, or `candidates`; `index` says which candidate."""

    field: str
    message: str
    index: int | None = None


def problems(route: Route, candidates: Sequence[Candidate], snapshot: Snapshot) -> list[Problem]:
    """Everything that is wrong with it. No query."""
    return [
        *_with_the_route(route, candidates),
        *_with_the_candidates(route, candidates),
        *_with_the_names(route, candidates, snapshot),
    ]


def _with_the_route(route: Route, candidates: Sequence[Candidate]) -> Iterator[Problem]:
    if route.feature != EVERY_FEATURE and not FEATURE.fullmatch(route.feature):
        yield Problem(
            "feature",
            f"Expected a feature such as chat or judge (lower case), or {EVERY_FEATURE} for every other one.",
        )
    try:
        rule_from(route.complexity or {})
    except (BadRule, AttributeError) as error:
        yield Problem("complexity", str(error))
    if route.first_token_s is not None and not 0 < route.first_token_s <= 300:
        yield Problem("first_token_s", "Expected more than 0 and at most 300 seconds.")
    if route.hedge_after_ms is None:
        return
    if not 1 <= route.hedge_after_ms <= LONGEST_HEDGE_MS:
        yield Problem("hedge_after_ms", f"Expected 1 to {LONGEST_HEDGE_MS} milliseconds.")
    if len(candidates) < 2:
        yield Problem("hedge_after_ms", "A hedge needs a second model to ask.")
    if route.feature in KINDS:
        yield Problem("hedge_after_ms", "Only chat can be hedged.")


def _with_the_candidates(route: Route, candidates: Sequence[Candidate]) -> Iterator[Problem]:
    mains = [one for one in candidates if not one.is_fallback]
    if not mains:
        yield Problem("candidates", "A route needs at least one candidate that is no fallback.")
    if len(candidates) > MOST_CANDIDATES:
        yield Problem("candidates", f"Expected at most {MOST_CANDIDATES} models.")
    if route.strategy == Route.Strategy.WEIGHTED and mains and not any(one.weight for one in mains):
        yield Problem("candidates", "At least one candidate needs a weight above 0.")
    seen: set[str] = set()
    for index, candidate in enumerate(candidates):
        if candidate.model in seen:
            yield Problem("candidates", f"{candidate.model} stands there twice.", index)
        seen.add(candidate.model)


def _with_the_names(
    route: Route, candidates: Sequence[Candidate], snapshot: Snapshot
) -> Iterator[Problem]:
    for index, candidate in enumerate(candidates):
        try:
            found = resolved(route.feature, candidate.model, snapshot)
        except EncryptionError:
            yield Problem("candidates", f"{candidate.model}: its key cannot be read.", index)
            continue
        if found is None:
            known = ", ".join(names(route.feature, snapshot)) or "none"
            message = f"There is no enabled model {candidate.model!r} for {route.feature}. Known: {known}."
            yield Problem("candidates", message, index)
        elif (wanted := _space_model(route.feature)) and found.name != wanted:
            message = (
                f"{found.name} is another embedding model than {wanted}: vectors do not compare."
            )
            yield Problem("candidates", message, index)


def names(feature: str, snapshot: Snapshot) -> list[str]:
    """What a candidate of the feature's route may be called."""
    kinds = KINDS.get(feature, (Model.Kind.CHAT,))
    rows = [catalogue.full_name(row) for row in snapshot.models if row.kind in kinds]
    configured = [catalogue.CONFIGURED[kind]() for kind in kinds]
    built_in = [] if feature in KINDS else [catalogue.EXTRACTIVE]
    return [*rows, *(one.full_name for one in [*configured, *built_in] if one is not None)]


def _space_model(feature: str) -> str | None:
    model = catalogue.environment_embedder() if feature == EMBED else None
    return model.name if model else None
