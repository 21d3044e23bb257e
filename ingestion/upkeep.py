"""Work on the lexical index that nobody waits for: folding term counts together, and following the average length.

``fold_counts`` and ``reweigh`` look for what is due across tenants on the operator's connection, and do it in each
tenant's own scope, in short transactions. Both may run at any time beside writers and readers, and twice at once.
"""

import logging
from typing import Any
from uuid import UUID

from ingestion import postings, statements
from ingestion.weighing import Norm, weighed_anew
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
log = logging.getLogger(__name__)
MOST_INCREMENTS = 64
DRIFT = 0.10
BATCH = 1000
_START = UUID(int=0)


def fold_counts() -> int:
    """Sum up the increments of collections that have many; how many collections."""
    due = SQL.fetch_across("to_fold", most=MOST_INCREMENTS)
    for tenant_id, collection_id in due:
        with tenant_scope(platform_principal(tenant_id)):
            SQL.run("fold", tenant=tenant_id, collection=collection_id)
    return len(due)


def reweigh() -> int:
    """Weigh the entries of drifted collections anew; how many entries. What fails is logged."""
    due = SQL.fetch_across("to_reweigh", drift=DRIFT)
    return sum(_attempt(tenant_id, key, average) for tenant_id, key, average in due)


def _attempt(tenant_id: UUID, collection_id: UUID, average: float) -> int:
    try:
        return _reweigh(tenant_id, collection_id, average)
    except Exception:  # whatever is wrong with one collection must not keep the others waiting
        log.exception("The average length of collection %s could not be followed", collection_id)
        return 0


def mend(tenant_id: UUID, collection_id: UUID) -> int:
    """Count a collection's terms anew and weigh its entries with their real average; how many counts were off.

    Beside writers. Cost: some 0.1 ms a passage in one statement, and the weighing where the average has moved.
    """
    about = {"tenant": tenant_id, "collection": collection_id}
    with tenant_scope(platform_principal(tenant_id)):
        SQL.run("lock_count", **about)
        found = SQL.fetch("recount", **about)
        ((average,),) = SQL.fetch("average", **about)
    if average:
        _reweigh(tenant_id, collection_id, average)
    return len(found)


def _reweigh(tenant_id: UUID, collection_id: UUID, average: float) -> int:
    """New entries take the new average first; then the old ones follow, some at a time."""
    about: dict[str, Any] = {
        "tenant": tenant_id,
        "collection": collection_id,
        "average": max(1.0, average),
    }
    with tenant_scope(platform_principal(tenant_id)):
        SQL.run("set_average", **about)
    changed, after = 0, _START
    while True:
        with tenant_scope(platform_principal(tenant_id)):
            # No switch to another k1 or b while this batch is made, and it is made with those of now.
            SQL.run("share_weights", **about)
            ((k1, b),) = SQL.fetch("weighed", **about)
            entries = SQL.fetch("entries", after=after, most=BATCH, **about)
            weights = [
                weighed_anew(text, length, Norm(k1, b, old), Norm(k1, b, about["average"]))
                for _, text, length, old in entries
            ]
            SQL.run("rewrite", ids=[entry[0] for entry in entries], weights=weights, **about)
        changed += len(entries)
        if len(entries) < BATCH:
            with tenant_scope(platform_principal(tenant_id)):
                postings.outdate(collection_id)
            return changed
        after = entries[-1][0]
