"""Bounds on a JSON schema that a client wrote. Entry point: `check`.

What the checks of an answer cost grows with the schema: with each `$ref`, which may stand for many others, and with
what a regular expression tries, which no other thread may interrupt. So a schema is small, its references lead inside
of it and never back, and it has no patterns. Cost of `check`: linear in the schema, a few milliseconds at most.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

LONGEST = 64 * 1024
MOST_NODES = 2000
MOST_IN_LIST = 500
MOST_DEEP = 64
# Nodes after each reference is replaced by what it leads to.
MOST_EXPANDED = 10_000
OF_NAMES = ("properties", "$defs", "definitions", "dependentSchemas")
OF_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
OF_ONE = (
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
)
REFUSED = {
    "pattern": "regular expressions are not taken",
    "patternProperties": "regular expressions are not taken",
    # Each level of these reads everything below it again.
    "unevaluatedItems": "say additionalProperties or items instead",
    "unevaluatedProperties": "say additionalProperties or items instead",
    "$dynamicRef": "say $ref instead",
    "$recursiveRef": "say $ref instead",
}
Path: TypeAlias = tuple[str, ...]


def check(schema: Mapping[str, Any]) -> None:
    """Raises ValueError, naming the place."""
    _check_size(schema)
    _Walk(schema).size((), schema)


def _check_size(schema: Any) -> None:
    """Length, nesting, and the numbers of parts and of items."""
    waiting: list[tuple[Path, Any]] = [((), schema)]
    nodes = 0
    while waiting:
        path, part = waiting.pop()
        nodes += 1
        if nodes > MOST_NODES:
            raise ValueError(f"json_schema: more than {MOST_NODES} parts")
        if len(path) > MOST_DEEP:
            raise ValueError(f"json_schema: nested more than {MOST_DEEP} levels deep")
        if isinstance(part, list) and len(part) > MOST_IN_LIST:
            raise ValueError(f"json_schema: more than {MOST_IN_LIST} items at {_place(path)}")
        if isinstance(part, Mapping) and len(part) > MOST_NODES:
            raise ValueError(f"json_schema: more than {MOST_NODES} parts")
        waiting.extend(_inner(path, part))
    if len(json.dumps(schema)) > LONGEST:
        raise ValueError(f"json_schema: longer than {LONGEST} characters")


def _inner(path: Path, part: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(part, Mapping):
        yield from (((*path, str(name)), inner) for name, inner in part.items())
    elif isinstance(part, list):
        yield from (((*path, str(at)), inner) for at, inner in enumerate(part))


@dataclass
class _Walk:
    """Over all that is read as a schema, also where only a reference makes it one."""

    root: Mapping[str, Any]
    _known: dict[Path, int] = field(default_factory=dict)
    _open: set[Path] = field(default_factory=set)

    def size(self, path: Path, schema: Any) -> int:
        """How many schemas it stands for. Raises ValueError."""
        if path in self._known:
            return self._known[path]
        if path in self._open:
            raise ValueError(f"json_schema: $ref leads back to {_place(path)}: no recursion")
        if len(self._open) > MOST_DEEP:
            raise ValueError(f"json_schema: nested more than {MOST_DEEP} levels deep")
        self._open.add(path)
        found = 1 + sum(self.size(*one) for one in self._parts(path, schema))
        if found > MOST_EXPANDED:
            raise ValueError(f"json_schema: its $ref stand for more than {MOST_EXPANDED} parts")
        self._open.remove(path)
        self._known[path] = found
        return found

    def _parts(self, path: Path, schema: Any) -> Iterator[tuple[Path, Any]]:
        if not isinstance(schema, Mapping):
            return
        for name, value in schema.items():
            if name in REFUSED:
                raise ValueError(f"json_schema: {name} at {_place(path)}: {REFUSED[name]}")
            if name == "$id" and path:
                raise ValueError(f"json_schema: $id at {_place(path)}: only at the top")
            if name == "$ref":
                yield self._target(path, value)
            elif name in OF_ONE:
                yield (*path, name), value
            elif (name in OF_NAMES and isinstance(value, Mapping)) or (
                name in OF_LISTS and isinstance(value, list)
            ):
                yield from _inner((*path, name), value)

    def _target(self, path: Path, reference: Any) -> tuple[Path, Any]:
        """Where a reference leads. Raises ValueError unless that is a schema inside."""
        if not isinstance(reference, str) or reference[:1] != "#":
            raise ValueError(f"json_schema: $ref at {_place(path)} leads outside: {reference!r}")
        if reference[1:] and reference[1] != "/":
            raise ValueError(f"json_schema: $ref at {_place(path)}: say '#/...': {reference!r}")
        steps = tuple(
            one.replace("~1", "/").replace("~0", "~") for one in reference[1:].split("/")[1:]
        )
        found: Any = self.root
        for step in steps:
            found = _step(found, step)
        if not isinstance(found, Mapping | bool):
            raise ValueError(f"json_schema: $ref leads nowhere inside: {reference!r}")
        return steps, found


def _step(part: Any, name: str) -> Any:
    if isinstance(part, Mapping):
        return part.get(name)
    if isinstance(part, list) and name.isdecimal() and name.isascii() and len(name) < 5:
        return part[int(name)] if int(name) < len(part) else None
    return None


def _place(path: Path) -> str:
    return "#" + "".join(f"/{one}" for one in path)
