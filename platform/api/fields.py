"""Serializers that say no to what they do not know, and fields that several of them share."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from api.errors import Absent
from ingestion.models import Collection


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


class Slugs(serializers.ListField):
    """Slugs of collections; absent or null: all that the key may read."""

    child = serializers.CharField(max_length=63)

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"required": False, "allow_null": True, "max_length": 100, "default": None, **options}
        )


def collections_of(slugs: Sequence[str] | None) -> list[Collection] | None:
    """The readable collections of these slugs, in an open scope; None stays None. Raises Absent. One query."""
    if slugs is None:
        return None
    found = {row.slug: row for row in Collection.objects.filter(slug__in=slugs)}
    for slug in slugs:
        if slug not in found:
            raise Absent("collection", field="collections")
    return [found[slug] for slug in dict.fromkeys(slugs)]
