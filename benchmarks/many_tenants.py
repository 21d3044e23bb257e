"""A thousand tenants of Zipf sizes, 500,000 chunks in all: what the small, the middling and the large ones get.

    SUPERUSER_DATABASE_URL=... .venv/bin/python benchmarks/many_tenants.py --load    # once; as search_latency.py says
    SUPERUSER_DATABASE_URL=... .venv/bin/python benchmarks/many_tenants.py

Measured are those with about 70,000, 7,000, 700 and 70 chunks, with SciFact's questions, by the call that search makes.
Dense: recall@10 against an exact scan by the tenant alone, whether as many rows come back as there are, and the wall of
the call. Lexical: the call as the runtime's role, which row-level security binds, beside the same call as the
superuser, whom it does not; the two take turns.
"""

import os
import sys
import time
from argparse import ArgumentParser
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1]),
    str(Path(__file__).resolve().parents[1] / "platform"),
]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402
import psycopg  # noqa: E402

django.setup()

from large_corpus import chunks, fill, read  # noqa: E402
from search_latency import FOLDER, prepare  # noqa: E402

from ingestion.lexical import dimension, terms  # noqa: E402
from retrieval.query_embedding import embedded_question  # noqa: E402
from retrieval.statements import statement  # noqa: E402
from tenants.scope import Principal  # noqa: E402

TENANTS, CHUNKS = 1_000, 500_000
MEASURED = (1, 10, 100, 1_000)
QUESTIONS = 100
Connection = psycopg.Connection[Any]
CALL = statement("search.sql", "search").format(versions="NULL")


def sizes() -> list[int]:
    """Chunks of the first, second, ... tenant: in proportion to one divided by its place."""
    share = CHUNKS / sum(1 / place for place in range(1, TENANTS + 1))
    return [round(share / place) for place in range(1, TENANTS + 1)]


def load(owner: Connection) -> None:
    start = time.perf_counter()
    made = chunks(CHUNKS + TENANTS, FOLDER / "documents.npy")
    for place, size in enumerate(sizes(), start=1):
        fill(owner, f"zipf-{place}", islice(made, size))
    print(f"loaded {sum(sizes()):,} chunks in {time.perf_counter() - start:.0f} s", flush=True)
    start = time.perf_counter()
    prepare(owner)
    print(f"built in {time.perf_counter() - start:.0f} s", flush=True)


def values(owner: Connection, place: int) -> dict[str, Any]:
    """What a search of this tenant is called with, but for the question."""
    row = owner.execute(
        "SELECT t.id, c.id, s.id FROM tenants_tenant t JOIN ingestion_collection c ON c.tenant_id = t.id"
        " JOIN ingestion_embeddingspace s ON s.tenant_id = t.id WHERE t.slug = %s",
        [f"zipf-{place}"],
    ).fetchone()
    assert row, "load them first"
    names = dict(zip(("tenant", "collections", "space"), row, strict=True))
    empty = {"dimensions": [], "counts": [], "vector": None, "trust": 1.0, "as_of": None}
    return names | empty | {"collections": [row[1]], "depth": 100, "cut": 10}


def call(connection: Connection, asked: dict[str, Any]) -> tuple[list[Any], float]:
    """Ids, best first, and milliseconds of the call alone."""
    with connection.transaction():
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", [str(asked["tenant"])])
        start = time.perf_counter()
        rows = connection.execute(CALL, asked).fetchall()
        return [row[0] for row in rows], (time.perf_counter() - start) * 1000


def dense(app: Connection, owner: Connection, asked: dict[str, Any], vectors: list[str]) -> str:
    recalls, walls, missing = [], [], 0
    there = min(100, present(owner, asked))
    for vector in vectors[:20]:
        call(app, asked | {"vector": vector})
    for vector in vectors:
        found, ms = call(app, asked | {"vector": vector})
        walls.append(ms)
        right = exact(owner, asked, vector)
        recalls.append(len(set(found) & set(right)) / len(right))
        missing += there - len(call(app, asked | {"vector": vector, "cut": 100})[0])
    return f"recall@10 {mean(recalls):.3f}, rows missing {missing}, {spread(walls)}"


def present(owner: Connection, asked: dict[str, Any]) -> int:
    sql = "SELECT count(*) FROM ingestion_embedding WHERE tenant_id = %(tenant)s"
    return int(owner.execute(sql, asked).fetchone()[0])  # type: ignore[index]


def exact(owner: Connection, asked: dict[str, Any], vector: str) -> list[Any]:
    """The ten nearest, by a scan of all that the tenant has."""
    rows = owner.execute(
        "SELECT id FROM (SELECT id, vector <#> %(vector)s::halfvec AS far FROM ingestion_embedding"
        " WHERE tenant_id = %(tenant)s OFFSET 0) e ORDER BY far LIMIT 10",
        asked | {"vector": vector},
    )
    return [row[0] for row in rows.fetchall()]


def lexical(app: Connection, owner: Connection, asked: dict[str, Any], texts: list[str]) -> str:
    bound, free = [], []
    for number, text in enumerate(texts[:20] + texts):
        words = [dimension(word) for word in terms(text, question=True)]
        question = {one: words.count(one) for one in words}
        with_words = asked | {"dimensions": list(question), "counts": list(question.values())}
        # The first of the two finds colder caches, so each is the first every other time.
        turns = [(app, bound), (owner, free)]
        for connection, walls in turns if number % 2 else reversed(turns):
            walls.append(call(connection, with_words)[1])
    ratio = median(bound[20:]) / median(free[20:])
    return (
        f"{spread(bound[20:])}; without row-level security {spread(free[20:])}; ratio {ratio:.2f}"
    )


def spread(walls: list[float]) -> str:
    return f"p50 {median(walls):.1f} ms, p95 {sorted(walls)[int(0.95 * len(walls))]:.1f} ms"


def main() -> None:
    parser = ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--load", action="store_true")
    options = parser.parse_args()
    with (
        psycopg.connect(os.environ["SUPERUSER_DATABASE_URL"], autocommit=True) as owner,
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as app,
    ):
        app.prepare_threshold = owner.prepare_threshold = None
        if options.load:
            load(owner)
            return
        texts = [str(row["text"]) for row in read("scifact", "queries.jsonl")[:QUESTIONS]]
        somebody = Principal(values(owner, 1)["tenant"])
        found = [embedded_question(text, somebody).vector for text in texts]
        assert all(found), "a question was not embedded"
        vectors = [one.to_text() for one in found if one]
        for place in MEASURED:
            asked = values(owner, place)
            size = f"{present(owner, asked):,}"
            print(f"| {size} | dense | {dense(app, owner, asked, vectors)} |", flush=True)
            print(f"| {size} | lexical | {lexical(app, owner, asked, texts)} |", flush=True)


if __name__ == "__main__":
    main()
