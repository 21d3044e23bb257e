"""Where a search looks: the readable collections and the embedding space that serves them, in one query."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

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


@dataclass(frozen=True)
class Place:
    """Readable collections by the language of their index, and the serving space (None: nothing is embedded yet)."""

    languages: dict[UUID, str]
    space: Space | None


def find_place(wanted: Sequence[UUID] | None) -> Place:
    """The collections of the open scope, all or those wanted. Raises ``UnknownCollection`` for one it cannot read."""
    values = {"tenant": current_tenant_id(), "wanted": None if wanted is None else list(wanted)}
    with connection.cursor() as cursor:
        cursor.execute(statement("search.sql", "place"), values)
        rows = cursor.fetchall()
    languages = {row[0]: row[1] for row in rows}
    for collection_id in wanted or ():
        if collection_id not in languages:
            raise UnknownCollection(collection_id)
    return Place(languages, Space(*rows[0][2:]) if rows and rows[0][2] else None)


def usable_vector(embedded: EmbeddedQuestion, space: Space | None) -> tuple[str | None, str]:
    """The vector if it lives where the tenant's vectors live; else None, and why not ("": there is no space yet)."""
    if embedded.vector is None or space is None:
        return None, embedded.reason
    if (embedded.model, embedded.dimensions) == (space.model, space.dimensions):
        return embedded.vector, ""
    made = f"{space.model} ({space.dimensions} dimensions)"
    asked = f"{embedded.model} ({embedded.dimensions})"
    return None, f"dense: this tenant's vectors were made by {made}, the question's by {asked}"
