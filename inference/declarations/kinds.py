"""What a kind of declaration is made of, and what applying it may use.

A new kind is one module with a `Kind` and one line in `inference.declarations.registry`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

from tenants import audit
from tenants.tables import TenantTable

Path: TypeAlias = tuple[str | int, ...]
T = TypeVar("T", bound=TenantTable)


class Wrong(ValueError):
    """Something that the schema cannot say is wrong with the file. `path` leads there within the section."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True)
class Change:
    """One row that was added, changed or removed; `fields` maps names to (before, after) in words."""

    verb: str
    kind: str
    name: str
    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass
class Applying:
    """One run: what it may use, and what it did. Everything happens in one transaction of the tenant's scope."""

    environ: Mapping[str, str]
    prune: bool = False
    changes: list[Change] = field(default_factory=list)

    def save(
        self,
        kind: str,
        row: T,
        values: Mapping[str, Any],
        *,
        secret: Mapping[str, tuple[Any, bool]] | None = None,
        beside: Mapping[str, tuple[str, str]] | None = None,
        words: Mapping[str, str] | None = None,
    ) -> T:
        """Give the row these values; written and noted only when something differs.

        `secret` maps names of columns to (value, whether it differs): they are noted, but not what they hold.
        `beside` is what the caller changes besides, to be told with it; `words` are the file's names of columns.
        """
        is_new = row._state.adding
        changed = {
            name: (_said(None if is_new else getattr(row, name)), _said(value))
            for name, value in values.items()
            if is_new or getattr(row, name) != value
        }
        hidden = {name: value for name, (value, differs) in (secret or {}).items() if differs}
        changed |= dict.fromkeys(hidden, ("(hidden)", "(set)" if is_new else "(changed)"))
        changed |= beside or {}
        if not changed:
            return row
        for name, value in {**values, **hidden}.items():
            setattr(row, name, value)
        row.save()
        told = {(words or {}).get(name, name): change for name, change in changed.items()}
        self.note("added" if is_new else "changed", kind, row, told)
        return row

    def remove(self, kind: str, row: TenantTable) -> None:
        """Delete the row and note it."""
        self.note("removed", kind, row, {})
        row.delete()

    def note(
        self, verb: str, kind: str, row: TenantTable, fields: Mapping[str, tuple[str, str]]
    ) -> None:
        """Say in the report and in the audit trail what was done."""
        audit.record(f"{kind}.{verb}", row, declared=True, fields=sorted(fields))
        self.changes.append(Change(verb, kind, str(row), fields))


@dataclass(frozen=True)
class Kind:
    """A section of the file.

    `schema` is its JSON schema. `apply` writes what the section declares, in the open scope, and raises Wrong.
    `export` gives the section back as data, without secrets; None when nothing is declared.
    """

    name: str
    schema: Mapping[str, Any]
    apply: Callable[[Any, Applying], None]
    export: Callable[[], Any]


def named_once(section: Sequence[Mapping[str, Any]], at: Path) -> None:
    """Raises Wrong where a name stands twice in a list."""
    seen: set[str] = set()
    for index, declared in enumerate(section):
        if declared["name"] in seen:
            raise Wrong((*at, index, "name"), f"{declared['name']!r} stands there twice")
        seen.add(declared["name"])


def _said(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
