"""Routes by feature, with candidates and fallbacks. A field that is left out has its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from inference import snapshots
from inference.declarations.kinds import Applying, Kind, Wrong
from inference.models import Candidate, Route
from inference.routing.complexity import Rule
from inference.routing.validation import problems
from tenants.scope import current_principal

MODEL = {"type": "string", "minLength": 1, "maxLength": 310}
FIELDS: dict[str, tuple[str, Any]] = {
    "strategy": ("strategy", "ordered"),
    "tier": ("tiers", "any"),
    "complexity": ("complexity", {}),
    "sticky": ("sticky", True),
    "hedge_after_ms": ("hedge_after_ms", None),
    "first_token_s": ("first_token_s", None),
    "enabled": ("enabled", True),
}
COLUMNS = {column: field for field, (column, _) in FIELDS.items()}
ROUTE_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["candidates"],
    "properties": {
        "strategy": {"enum": Route.Strategy.values},
        "tier": {"enum": Route.Tiers.values},
        "complexity": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                name: {"type": "integer", "minimum": 0, "maximum": 10_000}
                for name in Rule.__dataclass_fields__
            },
        },
        "sticky": {"type": "boolean"},
        "hedge_after_ms": {"type": ["integer", "null"], "minimum": 1},
        "first_token_s": {"type": ["number", "null"], "exclusiveMinimum": 0},
        "enabled": {"type": "boolean"},
        "candidates": {
            "type": "array",
            "minItems": 1,
            "items": {
                "description": "a model's name, or model: with its name and weight: with a whole number",
                "anyOf": [
                    MODEL,
                    {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["model"],
                        "properties": {
                            "model": MODEL,
                            "weight": {"type": "integer", "minimum": 0, "maximum": 1_000_000},
                        },
                    },
                ],
            },
        },
        "fallbacks": {"type": "array", "items": MODEL},
    },
}
SCHEMA = {"type": "object", "additionalProperties": ROUTE_SCHEMA}


def apply(section: Mapping[str, dict[str, Any]], run: Applying) -> None:
    """Some queries per route. Raises Wrong for models that are not there, and more (`routing.validation`)."""
    for feature, declared in section.items():
        _route(feature, declared, run)
    if run.prune:
        for row in Route.objects.exclude(feature__in=list(section)):
            run.remove("route", row)


def _route(feature: str, declared: Mapping[str, Any], run: Applying) -> None:
    row = Route.objects.filter(feature=feature).first() or Route(feature=feature)
    values = {column: declared.get(field, usual) for field, (column, usual) in FIELDS.items()}
    wanted = [*_mains(declared), *_fallbacks(declared)]
    draft = Route(feature=feature, **values)
    snapshot = snapshots.load(current_principal())
    for problem in problems(draft, wanted, snapshot):
        raise Wrong(_place(feature, declared, problem.field, problem.index), problem.message)
    known = [] if row._state.adding else list(row.candidates.all())
    before, after = _told(known), _told(wanted)
    differ = {"candidates": (before, after)} if before != after else None
    run.save("route", row, values, beside=differ, words=COLUMNS)
    if differ:
        _candidates(row, known, wanted)


def _place(
    feature: str, declared: Mapping[str, Any], field: str, index: int | None
) -> tuple[str | int, ...]:
    if field == "feature":
        return (feature,)
    if field != "candidates":
        return (feature, COLUMNS[field])
    if index is None:
        return (feature, "candidates")
    mains = len(declared["candidates"])
    return (
        (feature, "candidates", index) if index < mains else (feature, "fallbacks", index - mains)
    )


def _mains(declared: Mapping[str, Any]) -> list[Candidate]:
    given = [{"model": one} if isinstance(one, str) else one for one in declared["candidates"]]
    return [
        Candidate(model=one["model"], weight=one.get("weight", 1), position=position)
        for position, one in enumerate(given)
    ]


def _fallbacks(declared: Mapping[str, Any]) -> list[Candidate]:
    return [
        Candidate(model=name, is_fallback=True, position=position)
        for position, name in enumerate(declared.get("fallbacks", []))
    ]


def _candidates(route: Route, known: Sequence[Candidate], wanted: Sequence[Candidate]) -> None:
    """Rewritten as a whole: they are few, and their order is part of them."""
    for row in known:
        row.delete()
    for row in wanted:
        row.route = route
        row.save()


def _told(candidates: Sequence[Candidate]) -> str:
    return ", ".join(
        f"{one.model} (fallback)" if one.is_fallback else f"{one.model} ({one.weight})"
        for one in candidates
    )


def export() -> dict[str, Any] | None:
    """All routes by feature."""
    rows = Route.objects.prefetch_related("candidates").order_by("feature")
    return {row.feature: _exported(row) for row in rows} or None


def _exported(row: Route) -> dict[str, Any]:
    fields = {field: getattr(row, column) for field, (column, _) in FIELDS.items()}
    candidates = row.candidates.all()
    fallbacks = [one.model for one in candidates if one.is_fallback]
    return {
        **{field: value for field, value in fields.items() if value != FIELDS[field][1]},
        "candidates": [
            {"model": one.model, "weight": one.weight} for one in candidates if not one.is_fallback
        ],
        **({"fallbacks": fallbacks} if fallbacks else {}),
    }


KIND = Kind("routes", SCHEMA, apply, export)
