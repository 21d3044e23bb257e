"""Work on the lexical index that nobody waits for: folding term counts together, and following the average length.

``fold_counts`` and ``reweigh`` look for what is due across tenants on the operator's connection, and do it in each
tenant's own scope, in short transactions. Both may run at any time beside writers and readers, and twice at once.
"""

from typing import Any
from uuid import UUID

from django.db import connection, connections

from ingestion import statements
from ingestion.weighing import as_text, from_text
from tenants.scope import platform_principal, tenant_scope

SQL = statements.load(__file__)
MOST_INCREMENTS = 64
DRIFT = 0.10
BATCH = 1000
_START = UUID(int=0)


def fold_counts() -> int:
    """Sum up the increments of collections that have many; how many collections."""
    due = _due("to_fold", most=MOST_INCREMENTS)
    for tenant_id, collection_id in due:
        with tenant_scope(platform_principal(tenant_id)):
            _run("fold", tenant=tenant_id, collection=collection_id)
    return len(due)


def reweigh() -> int:
    """Weigh the entries of drifted collections anew; how many entries."""
    due = _due("to_reweigh", drift=DRIFT)
    return sum(_reweigh(tenant_id, key, average) for tenant_id, key, average in due)


def _reweigh(tenant_id: UUID, collection_id: UUID, average: float) -> int:
    """New entries take the new average first; then the old ones follow, some at a time."""
    about: dict[str, Any] = {
        "tenant": tenant_id,
        "collection": collection_id,
        "average": max(1.0, average),
    }
    with tenant_scope(platform_principal(tenant_id)):
        ((k1, b),) = _fetch("set_average", **about)
    changed, after = 0, _START
    while True:
        with tenant_scope(platform_principal(tenant_id)):
            entries = _fetch("entries", after=after, most=BATCH, **about)
            weights = [_weighed(entry, about["average"], k1, b) for entry in entries]
            _run("rewrite", ids=[entry[0] for entry in entries], weights=weights, **about)
        changed += len(entries)
        if len(entries) < BATCH:
            return changed
        after = entries[-1][0]


def _weighed(entry: tuple[Any, ...], average: float, k1: float, b: float) -> str:
    """An entry's weights for another average: a weight tells how often its term occurs."""
    _, text, length, old = entry
    before, now = _norm(length, old, k1, b), _norm(length, average, k1, b)
    weights = {}
    for place, weight in from_text(text).items():
        count = max(1, round(before * weight / max(1 - weight, 1e-9)))
        weights[place] = count / (count + now)
    return as_text(weights)


def _norm(length: int, average: float, k1: float, b: float) -> float:
    """What a term's count is weighed against (see ``lexical.bm25_weights``)."""
    return k1 * (1 - b + b * length / average)


def _due(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connections["operator"].cursor() as cursor:
        cursor.execute(SQL[name], parameters)
        return list(cursor.fetchall())


def _run(name: str, **parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SQL[name], parameters)


def _fetch(name: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(SQL[name], parameters)
        return list(cursor.fetchall())
