"""What budgets and limits have in common: rows by name that count a scope, or a subject of it.

Entry point: `kind`. A field that is left out has its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from inference import subjects
from inference.declarations.kinds import Applying, Kind, Wrong, named_once
from inference.models import Budget, RateLimit, Scope

Row = Budget | RateLimit
COMMON_SCHEMA = {
    "name": {"type": "string", "minLength": 1, "maxLength": 100},
    "scope": {"enum": Scope.values},
    "subject": {"type": "string", "maxLength": 200},
    "enabled": {"type": "boolean"},
}
COMMON_DEFAULTS = {"scope": "tenant", "subject": "", "enabled": True}
PLACES = Decimal("0.00000001")


def kind(
    section: str,
    noun: str,
    model: type[Row],
    properties: Mapping[str, Any],
    defaults: Mapping[str, Any],
    required: str,
) -> Kind:
    """The section whose rows have these properties besides; `required` has no default. Two queries per row."""
    usual = {**COMMON_DEFAULTS, **defaults}
    schema = {
        "type": "array",
        "items": {
            "type": "object",
            "additionalProperties": False,
            "required": ["name", required],
            "properties": {**COMMON_SCHEMA, **properties},
        },
    }

    def apply(declared: list[dict[str, Any]], run: Applying) -> None:
        named_once(declared, ())
        for index, one in enumerate(declared):
            values: dict[str, Any] = {required: _exact(one[required])}
            values |= {name: one.get(name, default) for name, default in usual.items()}
            values["subject"] = _subject(values, index)
            row = model.objects.filter(name=one["name"]).first() or model(name=one["name"])
            run.save(noun, row, values)
        if run.prune:
            for row in model.objects.exclude(name__in=[one["name"] for one in declared]):
                run.remove(noun, row)

    def export() -> list[dict[str, Any]] | None:
        rows = model.objects.order_by("name")
        return [_exported(row, required, usual) for row in rows] or None

    return Kind(section, schema, apply, export)


def _subject(values: Mapping[str, Any], index: int) -> str:
    try:
        return subjects.checked(values["scope"], values["subject"])
    except subjects.WrongSubject as error:
        raise Wrong((index, "subject"), str(error)) from error


def _exact(value: float) -> Decimal | int:
    """Money as the column holds it; a count as it is."""
    return value if isinstance(value, int) else Decimal(str(value)).quantize(PLACES)


def _exported(row: Row, required: str, usual: Mapping[str, Any]) -> dict[str, Any]:
    amount = getattr(row, required)
    found = {"name": row.name, required: _plain(amount)}
    return found | {
        name: getattr(row, name) for name, default in usual.items() if getattr(row, name) != default
    }


def _plain(amount: Decimal | int) -> float | int:
    return int(amount) if amount == int(amount) else float(amount)
