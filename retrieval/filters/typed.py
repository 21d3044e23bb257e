r"""The form for people: words to look for, and between them filters such as ``type:pdf date>=2024 -tag:draft``.

``field:value`` asks in the way that suits the field (inside texts, whole labels, spans of dates), ``field=value``
exactly; ``!= > >= < <=`` compare; ``a,b`` is one of both, ``word*`` a beginning, ``field:*`` any value; ``-`` before it
turns it round; a value with blanks stands in quotes, where ``\"`` is a quote and ``\\`` a backslash. In metadata a
number asks for a number and for a text, in quotes for a text alone. A word before a colon that is no field is just a
word, and so is whatever stands in quotes of its own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import chain

from retrieval.filters.fields import ALIASES, FIELDS, METADATA, Field, Kind, field_named
from retrieval.filters.grammar import (
    MOST_TESTS,
    MOST_VALUES,
    TOO_MANY_TESTS,
    All,
    Either,
    Filter,
    Not,
    Test,
    both,
    comparison,
    comparisons,
)
from retrieval.filters.values import FilterRefused

MOST_TERMS = 50
# As long as a question may be (retrieval/questions.py), which holds filters between its words.
LONGEST_TYPED = 8000
_NAMES = "|".join([*FIELDS, *ALIASES, r"(?:meta|metadata)\.[^\s:=<>!\"]+"])
_VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"|[^\s\",]+)"
_OPERATOR = ":|!=|>=|<=|=|>|<"
_TERM = rf"(?<!\S)(?P<minus>-?)(?P<name>{_NAMES})(?P<op>{_OPERATOR})(?P<value>{_VALUE}(?:,{_VALUE})*)(?!\S)"
# What stands in quotes is looked for as it is. A plain quote behind a letter or number opens nothing: it means inches.
_PHRASE = r"(?<!\w)\"[^\"]*\"(?!\w)|“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»|「[^「」]*」"
_PART = re.compile(f"{_TERM}|{_PHRASE}", re.IGNORECASE | re.DOTALL)
# A term that goes on: the quotes of its last value are open, or nothing stands behind its operator or comma yet.
_OPEN = rf"(?<!\S)-?(?:{_NAMES})(?:{_OPERATOR})(?:{_VALUE},)*(?:\"(?:[^\"\\]|\\.)*)?\Z"
_WRITTEN = re.compile(rf"{_TERM}|(?P<open>{_OPEN})|{_PHRASE}", re.IGNORECASE | re.DOTALL)
_ITEM = re.compile(_VALUE, re.DOTALL)
_OPERATORS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?\Z", re.ASCII)


@dataclass(frozen=True)
class TypedQuery:
    """What somebody typed: the words to look for, the filter between them, its terms as written, how many values."""

    text: str
    filter: Filter | None
    terms: tuple[str, ...]
    values: int = 0


def read_query(typed: str) -> TypedQuery:
    """Take the filters out of what was typed. Raises ``FilterRefused`` for too much, or a value that cannot be."""
    if len(typed) > LONGEST_TYPED:
        raise FilterRefused("", f"as text, a filter has at most {LONGEST_TYPED:,} characters.")
    found = [part for part in _PART.finditer(typed) if part["name"]]
    if len(found) > MOST_TERMS:
        raise FilterRefused("", f"A search has at most {MOST_TERMS} filters.")
    values = [_ITEM.findall(part["value"]) for part in found]
    parts = tuple(map(_term, found, values))
    rest = " ".join(_PART.sub(lambda part: " " if part["name"] else part[0], typed).split())
    terms = tuple(one[0] for one in found)
    return _bounded(TypedQuery(rest, All(parts) if parts else None, terms, sum(map(len, values))))


def read_term(typed: str) -> Filter | None:
    """What was typed where only filters belong. Raises ``FilterRefused`` for words between them, too."""
    return _alone(typed).filter


def read_asked(typed: str, chosen: Iterable[str]) -> tuple[str, Filter | None]:
    """The words to look for, and what passes the filters between them and the chosen ones. Raises ``FilterRefused``."""
    found = reduce(_together, map(_alone, chosen), read_query(typed))
    return found.text, found.filter


def _alone(typed: str) -> TypedQuery:
    found = read_query(typed)
    if found.text:
        raise FilterRefused("", f"{found.text[:60]!r} is no filter; one is field:value.")
    return found


def _together(one: TypedQuery, other: TypedQuery) -> TypedQuery:
    wanted, terms = both(one.filter, other.filter), one.terms + other.terms
    return _bounded(TypedQuery(one.text, wanted, terms, one.values + other.values))


def _bounded(found: TypedQuery) -> TypedQuery:
    """The limits of the JSON form, over all terms: each label after a comma may be a pass over the documents."""
    if found.values > MOST_VALUES:
        raise FilterRefused("", f"as text, a filter has at most {MOST_VALUES:,} values.")
    if comparisons(found.filter) > MOST_TESTS:
        raise FilterRefused("", TOO_MANY_TESTS)
    return found


def ends_in_value(typed: str) -> bool:
    """Whether what is typed next belongs to a filter's value."""
    last = [part for part in _WRITTEN.finditer(typed) if part.end() == len(typed)]
    return any(part["name"] or part["open"] for part in last)


def exactly(field: str, value: str) -> str:
    """The term that asks for exactly this value of a field."""
    if re.fullmatch(r"[^\s\",*]+", value):
        return f"{field}={value}"
    escaped = re.sub(r"[\"\\]", r"\\\g<0>", value)
    return f'{field}="{escaped}"'


def _term(found: re.Match[str], values: list[str]) -> Filter:
    name = re.sub(r"^meta\.", METADATA, found["name"], flags=re.IGNORECASE)
    place = found[0][:200]
    field = field_named(name if "." in name else name.lower(), place)
    op = found["op"]
    either = _either([_asked(field, op.removeprefix("!"), value, place) for value in values])
    return Not(either) if bool(found["minus"]) != (op == "!=") else either


def _either(parts: list[Filter]) -> Filter:
    """True when one part is. Those that ask for equality become one comparison with several values."""
    equal = [part for part in parts if isinstance(part, Test) and part.op == "in"]
    others = [part for part in parts if not (isinstance(part, Test) and part.op == "in")]
    if equal:
        values = chain.from_iterable(part.values for part in equal)
        others.insert(0, Test(equal[0].field, "in", tuple(values)))
    return others[0] if len(others) == 1 else Either(tuple(others))


def _asked(field: Field, op: str, written: str, place: str) -> Filter:
    if op == ":" and written == "*":
        return comparison(field, "exists", True, place)
    if op == ":" and written.endswith("*") and field.kind not in _WHOLE:
        return comparison(field, "prefix", written.rstrip("*"), place)
    meant = _readings(field, written)
    if op in _OPERATORS:
        return _either([comparison(field, _OPERATORS[op], value, place) for value in meant])
    if len(meant) > 1:
        return comparison(field, "in", meant, place)
    return comparison(field, _natural(field) if op == ":" else "eq", meant[0], place)


def _unquoted(written: str) -> str:
    """The value itself; a backslash that escapes nothing stands for itself."""
    return re.sub(r"\\([\"\\])", r"\1", written[1:-1]) if written.startswith('"') else written


_WHOLE = (Kind.TYPE, Kind.NUMBER, Kind.DATE, Kind.JSON_DATE)


def _natural(field: Field) -> str:
    """What a colon means."""
    if field.kind in _WHOLE or field.name in ("collection", "media_type"):
        return "eq"
    return "prefix" if field.name == "language" else "contains"


def _readings(field: Field, written: str) -> list[object]:
    """What a value may be: in metadata a text, and unless it stands in quotes a number or a boolean as well."""
    value = _unquoted(written)
    if field.kind is Kind.NUMBER:
        return [_number(value)]
    if field.kind is not Kind.JSON or value != written:
        return [value]
    read = value == "true" if value in ("true", "false") else _number(value)
    return [value] if read == value else [value, read]


def _number(value: str) -> object:
    if not _NUMBER.match(value):
        return value
    return float(value) if "." in value else int(value)
