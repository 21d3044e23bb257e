"""What a filter means, said once more in Python over one document, to hold the compiled statement against."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from retrieval.filters import All, Either, Filter, Not, Test
from retrieval.filters.fields import Kind
from retrieval.filters.values import Period

ABSENT = object()


@dataclass
class Paper:
    """A document's fields, by the names that filters use."""

    columns: dict[str, Any]
    metadata: dict[str, Any] = field(default_factory=dict)


def passes(wanted: Filter, paper: Paper) -> bool:
    """Whether the filter lets the document through."""
    if isinstance(wanted, Not):
        return not passes(wanted.part, paper)
    if isinstance(wanted, All):
        return all(passes(part, paper) for part in wanted.parts)
    if isinstance(wanted, Either):
        return any(passes(part, paper) for part in wanted.parts)
    return _holds(wanted, paper)


def _holds(test: Test, paper: Paper) -> bool:
    kind = test.field.kind
    if kind in (Kind.TEXT, Kind.TYPE):
        return _text(test, paper.columns[test.field.name])
    if kind is Kind.NUMBER:
        return _number(test, paper.columns[test.field.name])
    if kind is Kind.DATE:
        return _date(test, paper.columns[test.field.name])
    stored = _at(paper.metadata, test.field.path)
    if kind is Kind.JSON_DATE:
        return _date(test, _moment(_first_day(stored)))
    return _json(test, stored)


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and re.fullmatch(r"-?\d{1,9}", key, re.ASCII):
            place = int(key)
            if not -len(value) <= place < len(value):
                return ABSENT
            value = value[place]
        else:
            return ABSENT
    return value


def _text(test: Test, text: str) -> bool:
    if test.op == "exists":
        return text != ""
    if test.op == "in":
        return text in test.values
    if test.op == "contains":
        return str(test.values[0]).lower() in text.lower()
    if test.op == "prefix":
        return text.lower().startswith(str(test.values[0]).lower())
    return _ordered(test.op, text, test.values[0])


def _ordered(op: str, one: Any, other: Any) -> bool:
    return {"gt": one > other, "gte": one >= other, "lt": one < other, "lte": one <= other}[op]


def _number(test: Test, number: Any) -> bool:
    if number is None or test.op == "exists":
        return number is not None
    values = [Decimal(str(value)) for value in test.values]
    if test.op == "in":
        return Decimal(str(number)) in values
    return _ordered(test.op, Decimal(str(number)), values[0])


def _date(test: Test, moment: datetime | None) -> bool:
    if moment is None or test.op == "exists":
        return moment is not None
    return any(_during(test.op, moment, span) for span in test.values)


def _first_day(stored: Any) -> Any:
    """A year or a month as its first day, anything else as it is."""
    if isinstance(stored, str) and re.fullmatch(r"\d{4}(-\d{2})?", stored, re.ASCII):
        return stored + ("-01" if "-" in stored else "-01-01")
    return stored


def _moment(stored: Any) -> datetime | None:
    """What a stored value means as a time, by Python's own reader of dates."""
    try:
        moment = datetime.fromisoformat(stored)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _during(op: str, moment: datetime, span: Any) -> bool:
    assert isinstance(span, Period)
    inside = moment == span.start if span.end is None else span.start <= moment < span.end
    after = moment > span.start if span.end is None else moment >= span.end
    return {
        "in": inside,
        "gt": after,
        "gte": inside or after,
        "lt": not (inside or after),
        "lte": not after,
    }[op]


def _json(test: Test, stored: Any) -> bool:
    if stored is ABSENT or stored is None:
        return False
    if test.op == "exists":
        return True
    each = stored if isinstance(stored, list) else [stored]
    if test.op == "in":
        return any(_same(item, value) for item in each for value in test.values)
    if test.op in ("contains", "prefix"):
        return _json_holds(test, stored, [item for item in each if isinstance(item, str)])
    value = test.values[0]
    if isinstance(value, Period):
        moment = _moment(stored)
        return moment is not None and _during(test.op, moment, value)
    if isinstance(value, str):
        return isinstance(stored, str) and _ordered(test.op, stored, value)
    if isinstance(stored, bool) or not isinstance(stored, int | float):
        return False
    return _ordered(test.op, Decimal(str(stored)), Decimal(str(value)))


def _same(item: Any, value: Any) -> bool:
    if isinstance(item, dict | list) or isinstance(item, bool) != isinstance(value, bool):
        return False
    if (
        not isinstance(item, bool)
        and isinstance(item, int | float)
        and isinstance(value, int | float)
    ):
        return Decimal(str(item)) == Decimal(str(value))
    return type(item) is type(value) and bool(item == value)


def _json_holds(test: Test, stored: Any, texts: list[str]) -> bool:
    value = str(test.values[0]).lower()
    folded = [text.lower() for text in texts]
    if test.op == "prefix":
        return any(text.startswith(value) for text in folded)
    if test.field.kind is Kind.JSON_LIST:
        return value in folded
    if test.field.kind is Kind.JSON and isinstance(stored, list):
        return value in folded
    return any(value in text for text in folded)
