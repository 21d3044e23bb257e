"""Recall and cost of the dense side for tenants of many sizes, in a scratch database that is migrated and empty.

    DATABASE_URL=... MIGRATION_DATABASE_URL=... OPERATOR_DATABASE_URL=... PYTHONPATH=.:platform \\
        DJANGO_SETTINGS_MODULE=config.settings .venv/bin/python benchmarks/dense_route.py VECTORS.npy QUERIES.npy

The two files hold real unit vectors, float32 of shape (n, dimensions); rows are mixtures of two of them with noise, so
that tenants of any size have neighbours as real text has them. Tenants of 70, 700, 7,000 and 70,000 chunks share one
partition with each other. Prints, per tenant: the route, recall@10 against an exact scan, how many rows came back of
how many were asked for, and the time in Postgres: wall clock, and processor time of the backend, which a busy machine
does not change as much.
"""

import sys
import time
from pathlib import Path
from statistics import mean, median
from uuid import UUID, uuid4

import django
import numpy as np
from numpy.typing import NDArray

django.setup()

from django.db import connections  # noqa: E402  (Django first)

from ingestion import vector_index  # noqa: E402

SIZES = (70, 700, 7_000, 70_000)
Vectors = NDArray[np.float32]


def text(vector: Vectors) -> str:
    return "[" + ",".join(f"{value:.5g}" for value in vector.tolist()) + "]"


def mixed(base: Vectors, count: int, seed: int) -> Vectors:
    """Unit vectors near the real ones."""
    random = np.random.default_rng(seed)
    first, second = (base[random.integers(0, len(base), count)] for _ in range(2))
    noise = random.normal(0, 0.35 / base.shape[1] ** 0.5, first.shape)
    rows = 0.8 * first + 0.3 * second + noise
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def partition_of(tenant: UUID) -> int:
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT n FROM generate_series(0, 15) n WHERE satisfies_hash_partition("
            "'ingestion_embedding'::regclass, 16, n, %s)",
            [tenant],
        )
        return int(cursor.fetchone()[0])


def neighbours(count: int) -> list[UUID]:
    """Ids of tenants that fall into one partition."""
    found: list[UUID] = []
    while len(found) < count:
        candidate = uuid4()
        if not found or partition_of(candidate) == partition_of(found[0]):
            found.append(candidate)
    return found


def fill(tenant: UUID, rows: Vectors) -> UUID:
    space, collection = uuid4(), uuid4()
    with connections["operator"].cursor() as cursor:
        name = f"size-{len(rows)}-{tenant.hex[:6]}"
        cursor.execute(
            "INSERT INTO tenants_tenant (id, slug, name, created_at) VALUES (%s, %s, %s, now())",
            [tenant, name, name],
        )
        cursor.execute(
            "INSERT INTO ingestion_collection (tenant_id, id, slug, name, description, language, bm25_k1, bm25_b,"
            " reader_groups, created_at) VALUES (%s, %s, 'set', 'set', '', 'english', 1.2, 0.75, '{}', now())",
            [tenant, collection],
        )
        cursor.execute(
            "INSERT INTO ingestion_embeddingspace (tenant_id, id, model, dimensions, state, created_at)"
            " VALUES (%s, %s, 'bench', %s, 'serving', now())",
            [tenant, space, rows.shape[1]],
        )
        cursor.execute(
            "INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)"
            " VALUES (%s, %s, %s, 0, %s, 1)",
            [tenant, uuid4(), collection, len(rows)],
        )
        copy = (
            "COPY ingestion_embedding (tenant_id, id, space_id, collection_id, version_id, vector, reader_groups,"
            " valid_from) FROM STDIN"
        )
        with cursor.copy(copy) as out:
            for row in rows:
                out.write_row((tenant, uuid4(), space, collection, uuid4(), text(row), "{}", "now"))
    return space


def processor_ms(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def measure(tenant: UUID, space: UUID, queries: Vectors, size: int) -> None:
    recalls, counts, walls = [], [], []
    depth = min(100, size)
    with connections["default"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT set_config('app.tenant_id', %s, true), pg_backend_pid()", [str(tenant)]
        )
        pid = cursor.fetchone()[1]
        call = "SELECT chunk_id FROM footnote_search(%s::halfvec, %s, '{}', '{}', 1, NULL, NULL, NULL, 100, 100)"
        before = processor_ms(pid)
        for query in queries:
            start = time.perf_counter()
            cursor.execute(call, [text(query), space])
            cursor.fetchall()
            walls.append((time.perf_counter() - start) * 1000)
        spent = (processor_ms(pid) - before) / len(queries)
        cursor.execute("COMMIT")
    for query in queries:
        right, found = exact(tenant, space, query, depth), candidates(tenant, space, query)
        recalls.append(len(set(right[:10]) & set(found[:10])) / min(10, size))
        counts.append(len(found))
    p95 = sorted(walls)[int(0.95 * len(walls))]
    print(
        f"| {size:,} | recall@10 {mean(recalls):.3f} | rows {min(counts)} of {depth}"
        f" | p50 {median(walls):.1f} ms, p95 {p95:.1f} ms, processor {spent:.1f} ms |",
        flush=True,
    )


def exact(tenant: UUID, space: UUID, query: Vectors, depth: int) -> list[UUID]:
    with connections["operator"].cursor() as cursor:
        cursor.execute(
            "SELECT id FROM ingestion_embedding WHERE tenant_id = %s AND space_id = %s AND valid_to IS NULL"
            " ORDER BY vector <#> %s::halfvec LIMIT %s",
            [tenant, space, text(query), depth],
        )
        return [row[0] for row in cursor.fetchall()]


def candidates(tenant: UUID, space: UUID, query: Vectors) -> list[UUID]:
    """What the route chosen by size gives, before texts are joined: this benchmark has none."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET ROLE footnote_search")
        cursor.execute(
            "SELECT sum(documents) > 10000 AND footnote_has_graph(%s, %s) FROM ingestion_termcount"
            " WHERE tenant_id = %s AND dimension = 0",
            [tenant, len(query), tenant],
        )
        near = cursor.fetchone()[0]
        if near:
            cursor.execute(
                "SELECT id FROM footnote_nearest(%s::halfvec, %s, %s,"
                " array(SELECT id FROM ingestion_collection WHERE tenant_id = %s), '{}', false, 100)",
                [text(query), space, tenant, tenant],
            )
            found = [row[0] for row in cursor.fetchall()]
        cursor.execute("RESET ROLE")
    return found if near else exact(tenant, space, query, 100)


def main() -> None:
    base, queries = (np.load(path).astype(np.float32) for path in sys.argv[1:3])
    tenants = neighbours(len(SIZES))
    spaces = [fill(t, mixed(base, n, n)) for t, n in zip(tenants, SIZES, strict=True)]
    start = time.perf_counter()
    built = vector_index.build_due()
    print(f"built {', '.join(built)} in {time.perf_counter() - start:.0f} s", flush=True)
    for tenant, space, size in zip(tenants, spaces, SIZES, strict=True):
        measure(tenant, space, queries[:100], size)


if __name__ == "__main__":
    main()
