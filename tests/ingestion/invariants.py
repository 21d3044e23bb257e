"""What must hold of a tenant's corpus whatever was done to it, in whichever order."""

from collections import Counter
from typing import Any

from django.db import connections

from ingestion.weighing import from_text
from tenants.models import Tenant

# What search finds: exactly the chunks of the current versions of living documents, in all three tables.
_SEARCHABLE = """
SELECT k.id FROM ingestion_chunk k
  JOIN ingestion_document d ON d.tenant_id = k.tenant_id AND d.current_version_id = k.version_id
 WHERE k.tenant_id = %(tenant)s AND d.deleted_at IS NULL AND k.valid_to IS NULL"""
_OPEN = "SELECT id FROM {} WHERE tenant_id = %(tenant)s AND valid_to IS NULL"
_TERMS = (
    "SELECT collection_id, weights::text, length FROM ingestion_lexicalentry"
    " WHERE tenant_id = %(tenant)s AND valid_to IS NULL"
)
_COUNTED = (
    "SELECT collection_id, dimension, sum(documents), sum(length) FROM ingestion_termcount"
    " WHERE tenant_id = %(tenant)s GROUP BY 1, 2"
)
# Each column that names a row of these tables must name one of the same tenant.
_PARENTS = {
    "document_id": "ingestion_document",
    "version_id": "ingestion_documentversion",
    "file_id": "ingestion_storedfile",
    "current_version_id": "ingestion_documentversion",
    "collection_id": "ingestion_collection",
}
_COLUMNS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
  JOIN pg_class k ON k.relname = c.table_name AND NOT k.relispartition AND k.relkind IN ('r', 'p')
 WHERE c.table_schema = 'public' AND c.table_name LIKE 'ingestion\\_%%' AND c.column_name = ANY(%s)"""


def check(tenant: Tenant) -> None:
    """Assert all of them."""
    searchable = set(_rows(tenant, _SEARCHABLE))
    for table in ("ingestion_chunk", "ingestion_embedding", "ingestion_lexicalentry"):
        assert set(_rows(tenant, _OPEN.format(table))) == searchable, table
    counted = {(key, place): (n, length) for key, place, n, length in _rows(tenant, _COUNTED)}
    assert {key: value for key, value in counted.items() if any(value)} == _recounted(tenant)
    assert orphans(tenant) == []
    assert unused_files(tenant) == []


def _recounted(tenant: Tenant) -> dict[Any, tuple[int, int]]:
    chunks: Counter[Any] = Counter()
    lengths: Counter[Any] = Counter()
    for collection_id, weights, length in _rows(tenant, _TERMS):
        chunks.update((collection_id, place) for place in (0, *from_text(weights)))
        lengths[collection_id, 0] += length
    return {key: (count, lengths[key]) for key, count in chunks.items()}


def orphans(tenant: Tenant) -> list[str]:
    """Rows of the tenant that name a row which it does not have."""
    with connections["operator"].cursor() as cursor:
        cursor.execute(_COLUMNS, [list(_PARENTS)])
        columns = cursor.fetchall()
    return [
        f"{table}.{column}"
        for table, column in columns
        if _rows(
            tenant,
            f"SELECT 1 FROM {table} t WHERE tenant_id = %(tenant)s AND {column} IS NOT NULL AND NOT EXISTS"
            f" (SELECT FROM {_PARENTS[column]} p WHERE p.tenant_id = t.tenant_id AND p.id = t.{column}) LIMIT 1",
        )
    ]


def unused_files(tenant: Tenant) -> list[Any]:
    """Stored files that no version has."""
    return _rows(
        tenant,
        "SELECT id FROM ingestion_storedfile f WHERE tenant_id = %(tenant)s AND NOT EXISTS"
        " (SELECT FROM ingestion_documentversion v WHERE v.tenant_id = f.tenant_id AND v.file_id = f.id)",
    )


def _rows(tenant: Tenant, sql: str) -> list[Any]:
    with connections["operator"].cursor() as cursor:
        cursor.execute(sql, {"tenant": tenant.pk})
        return list(cursor.fetchall())
