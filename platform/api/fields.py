"""Serializers that say no to what they do not know, and fields that several of them share."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from api.errors import Absent
from ingestion.models import Collection
from retrieval.filters import parse, read_term
from retrieval.passages import EXPANSIONS
from tenants.scope import Principal, tenant_scope

# Characters; search refuses longer ones.
LONGEST_QUESTION = 8000
NO_SLUGS = "Name a collection at least, or leave this out to search all that the key may read."


class Strict(serializers.Serializer[Any]):
    """Refuses unknown fields by name: a misspelt one must not be a silent default."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises ValidationError for each field that is not declared."""
        if isinstance(data, dict):
            known = ", ".join(self.fields)
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                problem = f"Unknown field; this request takes {known}."
                raise serializers.ValidationError({name: [problem] for name in unknown})
        return super().to_internal_value(data)


class FilterField(serializers.JSONField):
    """Which documents are searched: an object (docs/api.md), or a text as people write it."""

    def to_internal_value(self, data: Any) -> Any:
        """Raises ``FilterRefused``, which names its place."""
        return read_term(data) if isinstance(data, str) else parse(data)


class MomentField(serializers.DateTimeField):
    """A time as it was given: without a zone it is left so, for the domain to refuse, and not taken to be UTC."""

    def enforce_timezone(self, value: datetime) -> datetime:
        """Raises ValidationError for one that no calendar holds in UTC."""
        return super().enforce_timezone(value) if value.tzinfo else value


class Slugs(serializers.ListField):
    """Slugs of collections; absent or null: all that the key may read. An empty list is refused: it could mean none."""

    child = serializers.CharField(max_length=63)
    default_error_messages = {"min_length": NO_SLUGS}

    def __init__(self, **options: Any) -> None:
        shape = {"allow_null": True, "min_length": 1, "max_length": 100}
        super().__init__(**{"required": False, "default": None, **shape, **options})


class ExpandField(serializers.ChoiceField):
    """Whether other wordings of a question, or its parts, are searched as well; absent or null: it alone."""

    def __init__(self, **options: Any) -> None:
        told = (
            "`variants`: other wordings that a model writes; `parts`: what the question is made of."
        )
        super().__init__(
            EXPANSIONS, **{"allow_null": True, "default": None, "help_text": told, **options}
        )


def collection_ids(
    slugs: Sequence[str] | None, principal: Principal, *, field: str = "collections"
) -> tuple[UUID, ...] | None:
    """Ids of the readable collections of these slugs; None for None. A query each, in one scope.

    Raises Absent naming ``field``.
    """
    if slugs is None:
        return None
    with tenant_scope(principal.as_reader()):
        return tuple(collection_of(slug, field=field).pk for slug in dict.fromkeys(slugs))


def collection_of(slug: str, *, field: str = "collections") -> Collection:
    """The readable collection of this slug, in an open scope. Raises Absent naming ``field``."""
    found = Collection.objects.filter(slug=slug).first()
    if found is None:
        raise Absent("collection", field=field)
    return found
