"""Scan or graph: the time of both by size, by the share that a tenant has of the graph, and by the vectors' width.

    SUPERUSER_DATABASE_URL=... .venv/bin/python benchmarks/dense_route.py VECTORS.npy QUESTIONS.npy

The two files hold real unit vectors, float32 of shape (n, dimensions), such as ``search_latency --against`` leaves for
its peers. Tenants of any size are mixtures of two of them with noise, so that they have neighbours as real text has
them; wider vectors are made of them by a random layer. A table in a schema of its own has rows as wide as
``ingestion_embedding``'s; it is asked for the hundred nearest of one tenant by an index on the tenant, and by the graph
with the settings of ``ingestion/migrations/vector_graphs.sql``. Prints medians, recall@10, and what
``footnote_graph_pays`` says.
"""

import os
import sys
import time
from collections.abc import Sequence
from statistics import mean, median
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Connection = psycopg.Connection[tuple[Any, ...]]
QUESTIONS = 150
# One tenant's rows, and those of others in the same graph.
SHARES = ((1_000, 0), (2_000, 0), (4_000, 0), (5_000, 0), (5_000, 5_000), (5_000, 10_000), (5_000, 15_000),
          (5_000, 35_000), (10_000, 0), (10_000, 20_000), (10_000, 40_000), (10_000, 90_000))  # fmt: skip
WIDTHS = (768, 1024, 1536, 3072)
SIZES = (500, 1_000, 2_000, 5_000)
SCAN = "SELECT id FROM dense_route.rows WHERE tenant = 1 ORDER BY (vector <#> %s::halfvec) + 0 LIMIT 100"
GRAPH = (
    "SELECT id FROM dense_route.rows WHERE tenant = 1"
    " ORDER BY vector::halfvec({0}) <#> %s::halfvec({0}) LIMIT 100"
)
AS_SEARCHED = (
    "SET hnsw.ef_search = 200; SET hnsw.iterative_scan = strict_order; SET hnsw.max_scan_tuples = 40000;"
    " SET enable_sort = off"
)


def text(vector: Vectors) -> str:
    return "[" + ",".join(f"{value:.4g}" for value in vector.tolist()) + "]"


def unit(rows: Vectors) -> Vectors:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def mixed(base: Vectors, count: int, random: np.random.Generator) -> Vectors:
    """Unit vectors near the real ones."""
    first, second = (base[random.integers(0, len(base), count)] for _ in range(2))
    noise = random.normal(0, 0.35 / base.shape[1] ** 0.5, first.shape)
    return unit(0.8 * first + 0.3 * second + noise)


def fill(
    connection: Connection, own: Vectors, others: Vectors, random: np.random.Generator
) -> None:
    """Both in turn, as they come, and their indexes."""
    connection.execute(
        "DROP SCHEMA IF EXISTS dense_route CASCADE; CREATE SCHEMA dense_route;"
        " CREATE TABLE dense_route.rows (tenant int, id int, other char(120), vector halfvec)"
    )
    rows = np.vstack([own, others])
    with connection.cursor().copy("COPY dense_route.rows FROM STDIN") as copy:
        for number in random.permutation(len(rows)).tolist():
            copy.write_row((1 if number < len(own) else 2, number, "", text(rows[number])))
    width = rows.shape[1]
    connection.execute("CREATE INDEX ON dense_route.rows (tenant)")
    connection.execute(
        f"CREATE INDEX ON dense_route.rows USING hnsw ((vector::halfvec({width})) halfvec_ip_ops)"
        " WITH (m = 16, ef_construction = 128)"
    )
    connection.execute("VACUUM ANALYZE dense_route.rows")


def asked(
    connection: Connection, sql: str, settings: str, questions: Sequence[str]
) -> tuple[float, list[list[int]]]:
    """Median of milliseconds, and what each question found."""
    connection.execute(f"RESET ALL; SET jit = off; SET enable_seqscan = off; {settings}")
    walls, found = [], []
    for question in questions:
        start = time.perf_counter()
        rows = connection.execute(sql, [question]).fetchall()
        walls.append((time.perf_counter() - start) * 1000)
        found.append([row[0] for row in rows])
    return median(walls), found


def compare(connection: Connection, own: Vectors, others: Vectors, questions: Vectors) -> None:
    """One line of the table."""
    fill(connection, own, others, np.random.default_rng(2))
    count, total, width = len(own), len(own) + len(others), own.shape[1]
    texts = [text(question) for question in questions]
    scan_ms, right = asked(connection, SCAN, "", texts)
    graph_ms, found = asked(connection, GRAPH.format(width), AS_SEARCHED, texts)
    recall = mean(len(set(a[:10]) & set(b[:10])) / 10 for a, b in zip(right, found, strict=True))
    pays = connection.execute("SELECT footnote_graph_pays(%s, %s, %s)", [count, total, width])
    told = "graph" if pays.fetchall()[0][0] else "scan"
    print(
        f"| {width} | {count:,} of {total:,} | {scan_ms:.2f} ms | {graph_ms:.2f} ms | {recall:.3f} | {told} |",
        flush=True,
    )


def main() -> None:
    base, questions = (np.load(path).astype(np.float32) for path in sys.argv[1:3])
    random = np.random.default_rng(1)
    with psycopg.connect(os.environ["SUPERUSER_DATABASE_URL"], autocommit=True) as connection:
        for own, others in SHARES:
            rows = mixed(base, own, random), mixed(base, others, random)
            compare(connection, *rows, questions[:QUESTIONS])
        for width in WIDTHS:
            layer = random.normal(size=(base.shape[1], width)) / width**0.5
            wide, wider = (unit(np.tanh(rows @ layer * 6)) for rows in (base, questions))
            for size in SIZES:
                compare(connection, wide[:size], wide[:0], wider[:QUESTIONS])
        connection.execute("DROP SCHEMA dense_route CASCADE")


if __name__ == "__main__":
    main()
