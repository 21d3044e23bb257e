"""Which state the documents are in, as a value that differs after every change to what can be read.

Triggers (migration ``generations``) insert a row into ``CorpusChange`` in the transaction of each change to a chunk's
rows, to what a document or a collection says of itself, and to who may read them: whichever code makes the change, it
cannot be forgotten. Rows are only ever inserted, so writers never wait for each other, and a collection's generation is
their sum: it grows with every commit, and two different sets of commits never have the same sum in one collection.

Entry points: ``current``, and ``told`` for a statement that reads the sums beside other things. Read the state *before*
what depends on it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q, Sum

from ingestion.models import CorpusChange
from tenants.scope import current_tenant_id

# Increments that are summed at a read before somebody folds them.
MOST_INCREMENTS = 500


def current(collection_ids: Iterable[UUID] | None) -> str:
    """The state of these collections in the open scope (None: of the tenant's): 32 hexadecimal digits. One query.

    Uses index: corpus_change_lookup.
    """
    wanted = set(collection_ids or ())
    changes = CorpusChange.objects.all()
    if collection_ids is not None:
        changes = changes.filter(Q(collection_id__in=wanted) | Q(collection_id=None))
    rows = changes.values("collection_id").annotate(generation=Sum("amount"), rows=Count("amount"))
    return told(wanted, {row["collection_id"]: (row["generation"], row["rows"]) for row in rows})


def told(wanted: Iterable[UUID], sums: Mapping[UUID | None, tuple[int, int]]) -> str:
    """The state as 32 hexadecimal digits, from the sum and the number of each collection's increments.

    In the open scope; costs a query where increments have become many.
    """
    for collection_id, (_generation, rows) in sums.items():
        if rows > MOST_INCREMENTS:
            fold(collection_id)
    lines = sorted(f"{key}:{generation}" for key, (generation, _rows) in sums.items())
    names = sorted(str(one) for one in wanted)
    return hashlib.sha256("\n".join([*names, "", *lines]).encode()).hexdigest()[:32]


def fold(collection_id: UUID | None) -> None:
    """One row for many, with the same sum. Rows that somebody else folds now are left to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH ours AS (SELECT tenant_id, id FROM ingestion_corpuschange
                           WHERE tenant_id = %(tenant)s AND collection_id IS NOT DISTINCT FROM %(collection)s
                           ORDER BY id LIMIT 5000 FOR UPDATE SKIP LOCKED),
                 gone AS (DELETE FROM ingestion_corpuschange c USING ours
                           WHERE c.tenant_id = ours.tenant_id AND c.id = ours.id RETURNING c.amount)
            INSERT INTO ingestion_corpuschange (tenant_id, id, collection_id, amount)
            SELECT %(tenant)s, gen_random_uuid(), %(collection)s, sum(amount) FROM gone HAVING count(*) > 0
            """,
            {"tenant": current_tenant_id(), "collection": collection_id},
        )
