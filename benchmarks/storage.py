"""What a chunk costs to keep, to index and to write, beside the same rows in one plain table with pgvector and GIN.

    SUPERUSER_DATABASE_URL=... .venv/bin/python benchmarks/storage.py size-100000    # loaded by search_latency.py

The plain table has the chunk's text, its vector (halfvec) with an HNSW graph of the same parameters, and a tsvector
with a GIN index: neither documents, versions, reader groups nor BM25. Writing is 2,000 further chunks inserted into
each, all indexes in place, and rolled back. Milliseconds are processor time of the backend: a busy machine changes
them less than walls.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1]),
    str(Path(__file__).resolve().parents[1] / "platform"),
]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402
import psycopg  # noqa: E402

django.setup()

from ingestion import postings  # noqa: E402
from ingestion.vector_index import CANDIDATES, NEIGHBOURS  # noqa: E402

WRITTEN = 2_000
TABLES = ("chunk", "embedding", "lexicalentry", "posting", "postingswindow", "termcount")
Connection = psycopg.Connection[Any]
PLAIN = {
    "rows": "CREATE TABLE plain AS SELECT c.id, c.tenant_id, c.text, e.vector::halfvec(384) AS vector,"
    " to_tsvector('english', c.text) AS words FROM ingestion_chunk c JOIN ingestion_embedding e USING (tenant_id, id)"
    " WHERE c.tenant_id = '{tenant}'",
    "key": "ALTER TABLE plain ADD PRIMARY KEY (id)",
    "HNSW": "CREATE INDEX plain_vector ON plain USING hnsw (vector halfvec_ip_ops)"
    f" WITH (m = {NEIGHBOURS}, ef_construction = {CANDIDATES})",
    "GIN": "CREATE INDEX plain_words ON plain USING gin (words)",
}


def spent(connection: Connection, sql: str, *values: Any) -> float:
    """Milliseconds of the backend's processor for one statement."""
    before = _busy(connection)
    connection.execute(sql, values)
    return _busy(connection) - before


def _busy(connection: Connection) -> float:
    pid = connection.info.backend_pid
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def sizes(connection: Connection) -> None:
    """Bytes a chunk, over all tenants of the database, by table: rows with TOAST, and indexes."""
    chunks = _number(connection, "SELECT count(*) FROM ingestion_chunk")
    print(f"{chunks:,} chunks in the database; bytes of rows + indexes for each:")
    for table in TABLES:
        rows, indexes = _sizes(connection, f"ingestion_{table}")
        print(f"  {table} {rows / chunks:,.0f} + {indexes / chunks:,.0f}")
    graphs = _number(
        connection,
        "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relname LIKE 'embedding_hnsw_%%'",
    )
    print(f"  of the embedding's indexes HNSW graphs, whatever they hold: {graphs / chunks:,.0f}")


def _sizes(connection: Connection, table: str) -> tuple[int, int]:
    """A table with its partitions."""
    row = connection.execute(
        "SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)) FROM pg_partition_tree(%s) WHERE isleaf",
        [table],
    ).fetchone()
    if not row or row[0] is None:
        row = connection.execute(
            "SELECT pg_table_size(%s), pg_indexes_size(%s)", [table, table]
        ).fetchone()
    assert row
    return int(row[0]), int(row[1])


def _number(connection: Connection, sql: str, *values: Any) -> int:
    row = connection.execute(sql, values).fetchone()
    assert row
    return int(row[0] or 0)


def plain(connection: Connection, tenant: UUID) -> None:
    connection.execute("DROP TABLE IF EXISTS plain")
    connection.execute("SET max_parallel_maintenance_workers = 0")
    for name, sql in PLAIN.items():
        ms = spent(connection, sql.format(tenant=tenant))
        count = _number(connection, "SELECT count(*) FROM plain")
        print(f"plain table, {name}: {ms / count:.3f} ms a chunk", flush=True)
    count = _number(connection, "SELECT count(*) FROM plain")
    for name in ("plain_pkey", "plain_vector", "plain_words"):
        size = _number(connection, "SELECT pg_relation_size(%s)", name)
        print(f"  {name} {size / count:,.0f} bytes")
    print(f"  rows {_number(connection, 'SELECT pg_table_size(%s)', 'plain') / count:,.0f} bytes")


def merging(connection: Connection, slug: str) -> None:
    """Postings of one tenant, taken away and made anew."""
    tenant = _tenant(connection, slug)
    for table in ("posting", "postingswindow"):
        connection.execute(f"DELETE FROM ingestion_{table} WHERE tenant_id = %s", [tenant])  # noqa: S608
    count = _number(
        connection, "SELECT count(*) FROM ingestion_lexicalentry WHERE tenant_id = %s", tenant
    )
    connection.execute(
        "UPDATE ingestion_lexicalentry SET slot = NULL WHERE tenant_id = %s", [tenant]
    )
    start, busy = time.perf_counter(), time.process_time()
    while postings.merge(tenant):
        pass
    wall, python = time.perf_counter() - start, time.process_time() - busy
    print(
        f"postings of {count:,} chunks: {1000 * wall / count:.2f} ms a chunk, of it Python {1000 * python / count:.2f}"
    )


def writing(connection: Connection, tenant: UUID) -> None:
    """Both take the same further rows."""
    connection.execute(
        "CREATE TEMP TABLE given AS SELECT uuidv7() AS new, id FROM plain LIMIT %s", [WRITTEN]
    )
    ours: dict[str, float] = {}
    for table in ("chunk", "embedding", "lexicalentry"):
        columns = _columns(connection, f"ingestion_{table}")
        sql = (
            f"INSERT INTO ingestion_{table} (id, {columns}) SELECT g.new, {columns} FROM given g"  # noqa: S608
            f" JOIN ingestion_{table} t ON t.id = g.id AND t.tenant_id = '{tenant}'"
        )
        with connection.transaction(force_rollback=True):
            connection.execute("SET LOCAL session_replication_role = replica")
            ours[table] = spent(connection, sql) / WRITTEN
    print("writing ours, ms a chunk:", {name: round(ms, 2) for name, ms in ours.items()})
    with connection.transaction(force_rollback=True):
        ms = spent(
            connection,
            "INSERT INTO plain SELECT g.new, p.tenant_id, p.text, p.vector, to_tsvector('english', p.text)"
            " FROM given g JOIN plain p USING (id)",
        )
        ms += spent(connection, "SELECT gin_clean_pending_list('plain_words')")
    print(f"writing the plain table: {ms / WRITTEN:.2f} ms a chunk")


def _columns(connection: Connection, table: str) -> str:
    return str(
        connection.execute(
            "SELECT string_agg(quote_ident(attname), ',') FROM pg_attribute WHERE attrelid = %s::regclass"
            " AND attnum > 0 AND NOT attisdropped AND attname NOT IN ('id', 'slot') AND attgenerated = ''",
            [table],
        ).fetchone()[0]  # type: ignore[index]
    )


def _tenant(connection: Connection, slug: str) -> UUID:
    row = connection.execute("SELECT id FROM tenants_tenant WHERE slug = %s", [slug]).fetchone()
    assert row, "load it first"
    return UUID(str(row[0]))


def main() -> None:
    slug = sys.argv[1]
    with psycopg.connect(os.environ["SUPERUSER_DATABASE_URL"], autocommit=True) as connection:
        tenant = _tenant(connection, slug)
        sizes(connection)
        plain(connection, tenant)
        writing(connection, tenant)
        merging(connection, "size-5183")
        connection.execute("DROP TABLE plain")


if __name__ == "__main__":
    main()
