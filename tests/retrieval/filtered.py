"""What filters let through, for tests that ask for it in several ways."""

from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import connection

from ingestion.models import DocumentVersion
from retrieval.filters import Filter, matching_versions, parse, read_term
from tenants.scope import current_tenant_id
from tests.retrieval.corpus import Corpus


def let_through(wanted: Filter, **options: Any) -> set[Any]:
    """Versions by the compiled statement, in the open scope."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ingestion_collection")
        ids = [row[0] for row in cursor.fetchall()]
        query = matching_versions(
            wanted, tenant_id=current_tenant_id(), collection_ids=ids, **options
        )
        cursor.execute(query.sql, query.parameters)
        found = {row[0] for row in cursor.fetchall()}
    # A search that is sent at once leaves its parameters to the server, which asks for their types.
    with psycopg.Cursor(connection.connection) as bound:
        bound.execute(query.sql.encode(), query.parameters)
        assert {row[0] for row in bound.fetchall()} == found
    return found


def add_with_metadata(corpus: Corpus, papers: Iterable[dict[str, Any]]) -> None:
    """A document for each, named by its number."""
    collection = corpus.collection("manual")
    for number, metadata in enumerate(papers):
        corpus.add(collection, "Turbine blades.", name=str(number), metadata=metadata)


def found(corpus: Corpus, asked: str | dict[str, Any]) -> set[str]:
    """Names of the documents that pass a filter, in JSON or as typed."""
    wanted = read_term(asked) if isinstance(asked, str) else parse(asked)
    assert wanted is not None
    with corpus.reader():
        rows = DocumentVersion.objects.filter(pk__in=let_through(wanted))
        return set(rows.values_list("document__external_id", flat=True))
