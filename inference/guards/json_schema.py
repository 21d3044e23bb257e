"""Whether an answer is the JSON that was asked for. Entry points: `read`, and `detect` for the registry.

Who asks for a form gets that form or an error, whatever the tenant chose: `warn` mends slips of form first
(`json_slips`), `block` takes nothing but JSON that is valid as it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from inference.guards import json_slips, schema_bounds
from inference.guards.findings import Finding
from inference.types import storable

# Many models wrap what they were asked for.
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n```\s*\Z", re.DOTALL)
LONGEST_PROBLEM = 500


class NotThatJson(ValueError):
    """The text is no JSON, or not of that schema; says where and why."""


def check(schema: Mapping[str, Any]) -> None:
    """Raises ValueError for what is no schema, costs too much (`schema_bounds`), or points out of itself: nothing is
    fetched to read an answer. Cost: up to seconds for the largest, so not for an event loop.
    """
    schema_bounds.check(schema)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"json_schema: {error.message[:LONGEST_PROBLEM]}") from error
    except (
        Exception
    ) as error:  # the library's own faults: by such a schema no answer can be checked
        raise ValueError(f"json_schema: cannot be read: {type(error).__name__}") from error
    root = Registry().resolver_with_root(DRAFT202012.create_resource(schema))
    for reference in _references(schema):
        try:
            root.lookup(reference)
        except Unresolvable as error:
            raise ValueError(f"json_schema: $ref leads nowhere inside: {reference}") from error


@dataclass(frozen=True)
class Read:
    """The JSON's text and value, and what had to be mended for it."""

    text: str
    value: Any
    slips: tuple[str, ...] = ()


def read(text: str, schema: Mapping[str, Any], *, mend: bool = True) -> Read:
    """What is valid as it stands, or in a fence, is never changed. Raises NotThatJson."""
    found = _FENCE.match(text)
    bare = (found[1] if found else text).strip()
    slips: tuple[str, ...] = ()
    try:
        try:
            value = json.loads(bare, parse_constant=_refuse)
        except ValueError as error:
            if not mend:
                raise NotThatJson(f"it is no JSON: {error}") from error
            value, slips = _mended(text, str(error))
        if mend:
            value, slips = _unpacked(value, slips, schema)
        wrong = best_match(_Checked(schema).iter_errors(value))
    except NotThatJson:
        raise
    except RecursionError as error:
        raise NotThatJson("it is nested too deeply") from error
    except (
        Exception
    ) as error:  # the library's own faults, as in sums of huge numbers: not checked is not valid
        raise NotThatJson(f"it cannot be checked: {type(error).__name__}") from error
    if wrong is not None:
        raise NotThatJson(storable(f"at {wrong.json_path}: {wrong.message}"[:LONGEST_PROBLEM]))
    return Read(json.dumps(value, ensure_ascii=False) if slips else bare, value, slips)


def detect(text: str, schema: Mapping[str, Any]) -> list[Finding]:
    """Nothing for the JSON that was asked for; else what was mended, or why it is of no use."""
    try:
        found = read(text, schema)
    except NotThatJson as error:
        return [unusable(text, error)]
    return [mended(text, found)] if found.slips else []


def unusable(text: str, error: NotThatJson) -> Finding:
    """It had to be asked for again, or was refused."""
    return Finding("not-that-json", 0, len(text), says=str(error))


def mended(text: str, found: Read) -> Finding:
    """It could be used once its slips were mended."""
    return Finding("mended-json", 0, len(text), 0.5, ", ".join(found.slips))


def _mended(text: str, problem: str) -> tuple[Any, tuple[str, ...]]:
    try:
        return json_slips.mended(text)
    except json_slips.Unmendable as error:
        raise NotThatJson(f"it is no JSON: {problem} ({error})") from error


def _unpacked(
    value: Any, slips: tuple[str, ...], schema: Mapping[str, Any]
) -> tuple[Any, tuple[str, ...]]:
    """JSON within a JSON string, where the schema wants no string."""
    if not isinstance(value, str) or _Checked(schema).is_valid(value):
        return value, slips
    try:
        return json.loads(value, parse_constant=_refuse), (*slips, "a string around it")
    except ValueError:
        return value, slips


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _unique(_: Any, wanted: Any, items: Any, __: Any) -> Iterator[ValidationError]:
    """`uniqueItems` in one pass: the library compares each item with each other."""
    if (
        wanted is True
        and isinstance(items, list)
        and len({_frozen(one) for one in items}) < len(items)
    ):
        yield ValidationError("the items are not unique")


def _frozen(value: Any) -> Any:
    """Equal for what is equal in JSON: 1 is 1.0, and is not true."""
    if isinstance(value, dict):
        return "{", frozenset((name, _frozen(one)) for name, one in value.items())
    if isinstance(value, list):
        return "[", tuple(_frozen(one) for one in value)
    return ("b", value) if isinstance(value, bool) else value


_Checked = extend(  # type: ignore[no-untyped-call]  # the library says no types
    Draft202012Validator, {"uniqueItems": _unique}
)


def _references(part: Any) -> list[str]:
    if isinstance(part, Mapping):
        given = [part.get(key) for key in ("$ref", "$dynamicRef")]
        own = [one for one in given if isinstance(one, str)]
        return own + [one for inner in part.values() for one in _references(inner)]
    if isinstance(part, list):
        return [one for inner in part for one in _references(inner)]
    return []
