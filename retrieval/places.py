"""Where a search looks: the readable collections and the embedding space that serves them, in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from pgvector import HalfVector

from ingestion import generations
from retrieval.errors import UnknownCollection
from retrieval.query_embedding import EmbeddedQuestion
from retrieval.statements import statement
from tenants.scope import current_tenant_id


@dataclass(frozen=True)
class Space:
    """The embedding space that serves the tenant's searches."""

    id: UUID
    model: str
    dimensions: int
    specification: str = ""


@dataclass(frozen=True)
class Place:
    """Readable collections by the language of their index, and the serving space (None: nothing is embedded yet).

    ``state`` is that of the collections' documents (``ingestion.generations``), where it was asked for.
    """

    languages: dict[UUID, str]
    space: Space | None
    state: str = ""


def find_place(wanted: Sequence[UUID] | None, *, stated: bool = False) -> Place:
    """The collections of the open scope, all or those wanted. Raises ``UnknownCollection`` for one it cannot read."""
    sql, values = place_query(current_tenant_id(), wanted, stated=stated)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    return place_of(rows, wanted, stated=stated)


def place_query(
    tenant_id: UUID, wanted: Sequence[UUID] | None, *, stated: bool
) -> tuple[str, dict[str, Any]]:
    """The statement that finds a place, and its parameters."""
    values = {
        "tenant": tenant_id,
        "wanted": None if wanted is None else list(wanted),
        "stated": stated,
    }
    return statement("search.sql", "place"), values


def place_of(
    rows: Sequence[tuple[Any, ...]], wanted: Sequence[UUID] | None, *, stated: bool
) -> Place:
    """What its rows say. Raises ``UnknownCollection`` for a wanted one that is not among them."""
    languages = {row[0]: row[1] for row in rows}
    for collection_id in wanted or ():
        if collection_id not in languages:
            raise UnknownCollection(collection_id)
    space = Space(*rows[0][4:]) if rows and rows[0][4] else None
    return Place(languages, space, _state(rows) if stated else "")


def _state(rows: Sequence[tuple[Any, ...]]) -> str:
    sums = {row[0]: row[2] for row in rows} | ({None: rows[0][3]} if rows else {})
    there = {key: (int(total), int(count)) for key, (total, count) in sums.items() if count}
    return generations.told([row[0] for row in rows], there)


def usable_vector(embedded: EmbeddedQuestion, space: Space | None) -> tuple[HalfVector | None, str]:
    """The vector if it lives where the tenant's vectors live; else None, and why not ("": there is no space yet)."""
    if embedded.vector is None or space is None:
        return None, embedded.reason
    if (embedded.model, embedded.dimensions) == (space.model, space.dimensions):
        return embedded.vector, ""
    made = f"{space.model} ({space.dimensions} dimensions)"
    asked = f"{embedded.model} ({embedded.dimensions})"
    return None, f"dense: this tenant's vectors were made by {made}, the question's by {asked}"
