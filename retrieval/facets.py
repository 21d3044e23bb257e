"""What the documents that were found are made of: counts by collection, type, tag, author and year.

Counted are the documents of the best ``COUNTED`` passages, since every passage matches to some degree: the counts say
what the good ones are, and not how many documents there are in all. Under the policies, in the open scope.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from retrieval.filters.fields import short_type
from retrieval.filters.values import first_moment
from retrieval.passages import Passage
from retrieval.statements import statement
from tenants.scope import current_tenant_id

COUNTED = 200
SHOWN = 20
NAMES = ("collection", "type", "tags", "author", "year")


@dataclass(frozen=True)
class Facet:
    """A value as a filter takes it, as people read it, and how many documents have it."""

    value: str
    name: str
    count: int


@dataclass(frozen=True)
class Facets:
    """Per field the most frequent values, and what was counted."""

    passages: int
    documents: int
    counts: dict[str, tuple[Facet, ...]]

    def as_json(self) -> dict[str, Any]:
        """The same under the names that the API uses."""
        return asdict(self)


def count_facets(passages: Sequence[Passage]) -> Facets:
    """Facets of these passages' documents. One query. Uses index: ingestion_document_pkey"""
    ids = list({passage.document_id for passage in passages})
    names: dict[tuple[str, str], str] = {}
    counts: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    for collection, collection_name, media_type, author, tags, date in _rows(ids):
        names["collection", collection] = collection_name
        counts["collection"][collection] += 1
        counts["type"].update(filter(None, [short_type(media_type)]))
        counts["tags"].update(_texts(tags))
        counts["author"].update(_texts(author))
        moment = first_moment(date) if isinstance(date, str) else None
        counts["year"].update([f"{moment.year:04}"] if moment else [])
    facets = {
        field: tuple(
            Facet(value, names.get((field, value), value), count)
            for value, count in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:SHOWN]
        )
        for field, found in counts.items()
    }
    return Facets(len(passages), len(ids), facets)


def _rows(ids: list[UUID]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"tenant": current_tenant_id(), "documents": ids}
        cursor.execute(statement("search.sql", "facets"), values)
        rows = cursor.fetchall()
    return [(*row[:3], *(json.loads(value or "null") for value in row[3:])) for row in rows]


def _texts(stored: object) -> Iterable[str]:
    """The different texts of a metadata value: itself, or those of its list."""
    found = stored if isinstance(stored, list) else [stored]
    return {each for each in found if isinstance(each, str) and each}
