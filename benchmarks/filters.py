"""Cost of filters: a tenant of 50,000 documents of one passage each, with metadata, and a scan or a graph over them.

    FOOTNOTE_HOME=... bin/manage shell -c "exec(open('benchmarks/filters.py').read())"

Makes the tenant once (slug `filters-benchmark`), then prints, for filters that let through from everything to nothing:
how many documents pass, the time of the statement that finds them, and of the whole search function with it.
"""

import json
import statistics
import time
from uuid import UUID, uuid4

from django.db import connection, connections

from ingestion import vector_index
from retrieval.filters import matching_versions, parse
from tenants.people import found_tenant
from tenants.scope import Principal, tenant_scope

DOCUMENTS = 50_000
DIMENSIONS = 64
FILTERS = [
    None,
    {"metadata.year": {"gte": 1900}},
    {"type": "pdf"},
    {"tags": {"contains": "finance"}},
    {"and": [{"date": {"gte": "2024"}}, {"not": {"tags": {"contains": "draft"}}}]},
    {"author": {"contains": "ann"}},
    {"metadata.year": 2003, "type": "pdf"},
    {"metadata.serial": 77},
    {"metadata.absent": {"exists": True}},
]


def fill(tenant: UUID) -> None:
    space, collection, source, stored = (uuid4() for _ in range(4))
    vector = ", ".join(["random() - 0.5"] * DIMENSIONS)
    with connections["operator"].cursor() as cursor:
        run = cursor.execute
        run("INSERT INTO ingestion_collection (tenant_id, id, slug, name, description, language, bm25_k1, bm25_b,"
            " reader_groups, created_at) VALUES (%s, %s, 'all', 'All', '', 'english', 1.2, 0.75, '{}', now())",
            [tenant, collection])  # fmt: skip
        run("INSERT INTO ingestion_source (tenant_id, id, collection_id, kind, name, created_at)"
            " VALUES (%s, %s, %s, 'shell', 'x', now())", [tenant, source, collection])  # fmt: skip
        run("INSERT INTO ingestion_storedfile (tenant_id, id, sha256, size, created_at) VALUES (%s, %s, '', 0, now())",
            [tenant, stored])  # fmt: skip
        run("INSERT INTO ingestion_embeddingspace (tenant_id, id, model, dimensions, state, created_at)"
            " VALUES (%s, %s, 'x', %s, 'serving', now())", [tenant, space, DIMENSIONS])  # fmt: skip
        run("CREATE TEMP TABLE made AS SELECT uuidv7() AS d, uuidv7() AS v, uuidv7() AS c, n"
            " FROM generate_series(1, %s) n", [DOCUMENTS])  # fmt: skip
        run("INSERT INTO ingestion_document (tenant_id, id, collection_id, source_id, external_id, title, media_type,"
            " state, reason_code, reason, remedy, pages, chunks, metadata, reader_groups, current_version_id,"
            " created_at, updated_at)"
            " SELECT %s, d, %s, %s, 'doc-' || n, 'Document ' || n, CASE n %% 3 WHEN 0 THEN 'application/pdf' ELSE"
            " 'text/markdown' END, 'ready', '', '', '', n %% 40, 1, jsonb_build_object('year', 1990 + n %% 36,"
            " 'serial', n, 'author', CASE n %% 50 WHEN 0 THEN 'Ann Lee' ELSE 'Somebody Else' END,"
            " 'date', (date '2015-01-01' + n %% 4000)::text, 'tags', CASE n %% 7 WHEN 0 THEN"
            " '[\"finance\"]'::jsonb ELSE '[\"draft\", \"hr\"]' END), '{}', v, now(), now() FROM made",
            [tenant, collection, source])  # fmt: skip
        run("INSERT INTO ingestion_embedding (tenant_id, id, space_id, collection_id, version_id, vector,"  # noqa: S608
            f" reader_groups, valid_from) SELECT %s, c, %s, %s, v, l2_normalize(ARRAY[{vector}]::real[]::halfvec),"
            " '{}', now() FROM made", [tenant, space, collection])  # fmt: skip
        run("INSERT INTO ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length)"
            " VALUES (%s, uuidv7(), %s, 0, %s, %s)", [tenant, collection, DOCUMENTS, DOCUMENTS])  # fmt: skip
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE ingestion_document")
        cursor.execute("ANALYZE ingestion_embedding")
    print("graphs:", vector_index.build_due())


def timed(sql: str, values: dict[str, object], rounds: int = 9) -> tuple[float, int]:
    times, count = [], 0
    for _ in range(rounds):
        start = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            count = len(cursor.fetchall())
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), count


def measure(tenant: UUID) -> None:
    with tenant_scope(Principal(tenant)), connection.cursor() as cursor:
        cursor.execute("SELECT id FROM ingestion_collection")
        collections = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT id FROM ingestion_embeddingspace")
        space = cursor.fetchone()[0]
        cursor.execute("SELECT vector FROM ingestion_embedding LIMIT 1")
        vector = cursor.fetchone()[0]
        print(f"{'filter':90} passing  find ms  search ms")
        for raw in FILTERS:
            versions, values, passing, find = "NULL", {}, DOCUMENTS, 0.0
            if raw is not None:
                wanted = parse(raw)
                query = matching_versions(wanted, tenant_id=tenant, collection_ids=collections)
                versions, values = f"ARRAY({query.sql})", query.parameters
                counted = f"SELECT unnest({versions})"
                _, passing = timed(counted, values, 1)
                find, _ = timed(f"SELECT cardinality({versions})", values)
            call = (
                "SELECT * FROM footnote_search(%(vector)s::halfvec, %(space)s, '{}', '{}', 1, %(collections)s,"  # noqa: S608
                f" {versions}, NULL, 100, 10)"
            )
            given = values | {"vector": str(vector), "space": space, "collections": collections}
            whole, _ = timed(call, given)
            print(f"{json.dumps(raw):90} {passing:7} {find:8.1f} {whole:10.1f}")


def main() -> None:
    with connections["operator"].cursor() as cursor:
        cursor.execute("SELECT id FROM tenants_tenant WHERE slug = 'filters-benchmark'")
        row = cursor.fetchone()
    if row is None:
        tenant = found_tenant(slug="filters-benchmark", name="Filters").pk
        fill(tenant)
    else:
        tenant = row[0]
    measure(tenant)


main()
