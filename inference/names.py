"""Names for the ids that costs are grouped by. Entry point: `of`; packages above add what is theirs with `add`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from uuid import UUID

from inference.models import PromptVersion
from tenants.models import ApiKey, User

Names = dict[str, str]
Lookup = Callable[[list[UUID]], Names]


def of(group: str, ids: Iterable[str]) -> Names:
    """What people call the things of a group, by id; one query. What has no name any more is left out."""
    if (lookup := _LOOKUPS.get(group)) is None:
        return {}
    found = [UUID(one) for one in ids if one]
    return lookup(found) if found else {}


def add(group: str, lookup: Lookup) -> None:
    """Whose names a package above this one knows."""
    _LOOKUPS[group] = lookup


def _users(ids: list[UUID]) -> Names:
    return {
        str(key): mail for key, mail in User.objects.filter(pk__in=ids).values_list("pk", "email")
    }


def _keys(ids: list[UUID]) -> Names:
    rows = ApiKey.objects.filter(pk__in=ids).values_list("pk", "name", "prefix")
    return {str(key): f"{name} ({prefix}…)" for key, name, prefix in rows}


def _prompt_versions(ids: list[UUID]) -> Names:
    rows = PromptVersion.objects.filter(pk__in=ids).select_related("prompt")
    return {str(row.pk): str(row) for row in rows}


_LOOKUPS: dict[str, Lookup] = {
    "user": _users,
    "key": _keys,
    "prompt_version": _prompt_versions,
}
