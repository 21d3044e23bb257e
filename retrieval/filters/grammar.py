"""The JSON form of a filter, and the tree that it becomes.

    {"field": value}                 equal; in a list: one of it is equal
    {"field": [value, value]}        one of these
    {"field": {"op": value, ...}}    every one of the operators: eq ne gt gte lt lte in nin contains prefix exists
    {"and": [...]} {"or": [...]} {"not": {...}}
    several keys in one object       all of them

Comparisons are typed. A field has a type, and a value of another one is refused; metadata takes the type of the value,
and what is stored in another type does not match. ``ne``, ``nin`` and ``not`` are true of whatever the opposite is not
true of, so also of documents that lack the field. ``eq`` and ``in`` are exact; ``contains`` and ``prefix`` ignore case;
texts are ordered by code point, and metadata that looks like a date by time when the value asked for does.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from retrieval.filters.fields import Field, Kind, field_named, media_types
from retrieval.filters.values import (
    FilterRefused,
    Period,
    number_value,
    period,
    period_value,
    shown,
    text_value,
)

DEEPEST = 8
MOST_TESTS = 100
MOST_VALUES = 1000
TOO_MANY_TESTS = f"a filter has at most {MOST_TESTS} comparisons."
ORDER = ("gt", "gte", "lt", "lte")
OPERATORS = ("eq", "ne", *ORDER, "in", "nin", "contains", "prefix", "exists")
Value = str | int | float | bool | Period


@dataclass(frozen=True)
class Test:
    """One comparison. ``op`` is in, gt, gte, lt, lte, contains, prefix or exists; ``values`` is checked and typed."""

    field: Field
    op: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class All:
    """True when every part is; so also without any."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Either:
    """True when one part is; so never without any."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True)
class Not:
    """True when the part is not."""

    part: "Filter"


Filter = Test | All | Either | Not


def parse(raw: object) -> Filter | None:
    """A filter in its JSON form; None for an empty one. Raises ``FilterRefused``."""
    if raw is None or raw == {}:
        return None
    return _Reader().read(raw, "", 0)


def both(one: Filter | None, other: Filter | None) -> Filter | None:
    """A filter that lets through what both do; None is no filter."""
    if one is None or other is None:
        return one or other
    return All((one, other))


def comparisons(wanted: Filter | None) -> int:
    """How many there are in a filter."""
    if isinstance(wanted, Not):
        return comparisons(wanted.part)
    if isinstance(wanted, All | Either):
        return sum(map(comparisons, wanted.parts))
    return 0 if wanted is None else 1


class _Reader:
    """Counts tests on the way down."""

    def __init__(self) -> None:
        self.tests = 0

    def read(self, raw: object, place: str, depth: int) -> Filter:
        if depth > DEEPEST:
            raise FilterRefused(place, f"a filter is at most {DEEPEST} levels deep.")
        if not isinstance(raw, dict) or not raw:
            raise FilterRefused(place, f"expected an object with a field, not {shown(raw)}.")
        parts = [self._entry(key, value, place, depth) for key, value in raw.items()]
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _entry(self, key: object, value: object, place: str, depth: int) -> Filter:
        here = f"{place}.{key}".lstrip(".")[:200]
        if key == "and":
            return All(self._list(value, here, depth))
        if key == "or":
            return Either(self._list(value, here, depth))
        if key == "not":
            return Not(self.read(value, here, depth + 1))
        return self._field(field_named(key, here), value, here)

    def _list(self, value: object, place: str, depth: int) -> tuple[Filter, ...]:
        if not isinstance(value, list) or not value:
            raise FilterRefused(place, "expected a list of filters.")
        if len(value) > MOST_TESTS:
            raise FilterRefused(place, TOO_MANY_TESTS)
        return tuple(
            self.read(item, f"{place}[{number}]", depth + 1) for number, item in enumerate(value)
        )

    def _field(self, field: Field, value: object, place: str) -> Filter:
        if isinstance(value, dict):
            if not value:
                raise FilterRefused(place, f"expected an operator: {', '.join(OPERATORS)}.")
            parts = [self.test(field, op, given, f"{place}.{op}") for op, given in value.items()]
            return parts[0] if len(parts) == 1 else All(tuple(parts))
        return self.test(field, "in" if isinstance(value, list) else "eq", value, place)

    def test(self, field: Field, op: object, value: object, place: str) -> Filter:
        self.tests += 1
        if self.tests > MOST_TESTS:
            raise FilterRefused(place, TOO_MANY_TESTS)
        return comparison(field, op, value, place)


def comparison(field: Field, op: object, value: object, place: str) -> Filter:
    """One comparison, checked. Raises ``FilterRefused``."""
    if op not in OPERATORS:
        raise FilterRefused(
            place[:200], f"there is no operator {shown(op)}. Operators: {', '.join(OPERATORS)}."
        )
    if op in ("ne", "nin"):
        return Not(comparison(field, {"ne": "eq", "nin": "in"}[op], value, place))
    if op == "exists":
        if not isinstance(value, bool):
            raise FilterRefused(place, f"expected true or false, not {shown(value)}.")
        found = Test(field, "exists", ())
        return found if value else Not(found)
    if op == "eq":
        return Test(field, "in", _equal(field, value, place))
    if op == "in":
        return Test(field, "in", _several(field, value, place))
    if op in ORDER:
        return Test(field, str(op), (_ordered(field, value, place),))
    return Test(field, str(op), (_within(field, value, str(op), place),))


def _several(field: Field, value: object, place: str) -> tuple[Value, ...]:
    if not isinstance(value, list):
        raise FilterRefused(place, f"expected a list of values, not {shown(value)}.")
    if len(value) > MOST_VALUES:
        raise FilterRefused(place, f"a list has at most {MOST_VALUES:,} values.")
    items = enumerate(value)
    found = [_equal(field, item, f"{place}[{number}]") for number, item in items]
    return tuple(chain.from_iterable(found))


def _equal(field: Field, value: object, place: str) -> tuple[Value, ...]:
    """What is equal to the value: several media types, where a short name is of several."""
    if field.kind is Kind.TYPE:
        return media_types(text_value(value, place), place)
    if field.kind is Kind.JSON:
        return (_any_value(value, place),)
    return (_TYPED.get(field.kind, text_value)(value, place),)


_TYPED: dict[Kind, Callable[[object, str], Value]] = {
    Kind.NUMBER: number_value,
    Kind.DATE: period_value,
    Kind.JSON_DATE: period_value,
}


def _any_value(value: object, place: str) -> Value:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return number_value(value, place)
    if value is None or not isinstance(value, str):
        hint = ' Ask for what is absent by {"exists": false}.' if value is None else ""
        raise FilterRefused(
            place, f"expected a string, a number or a boolean, not {shown(value)}.{hint}"
        )
    return text_value(value, place)


def _ordered(field: Field, value: object, place: str) -> Value:
    if field.kind in (Kind.TYPE, Kind.JSON_LIST, Kind.JSON_TEXT):
        raise FilterRefused(place, f"{field.name} has no order; use eq, in, contains or prefix.")
    if field.kind is not Kind.JSON:
        return _TYPED.get(field.kind, text_value)(value, place)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise FilterRefused(place, f"expected a number, a date or a text, not {shown(value)}.")
    if not isinstance(value, str):
        return number_value(value, place)
    # A year or a month alone is as likely a text: only whole dates are compared by time.
    text = text_value(value, place)
    return (period(text) if len(text) >= len("2024-01-31") else None) or text


def _within(field: Field, value: object, op: str, place: str) -> str:
    if field.kind in (Kind.TYPE, Kind.NUMBER, Kind.DATE, Kind.JSON_DATE):
        raise FilterRefused(place, f"{field.name} is no text: {op} does not apply to it.")
    text = text_value(value, place)
    if not text:
        raise FilterRefused(place, "expected a text that is not empty.")
    return text
