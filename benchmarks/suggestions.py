"""Completions while somebody types: how long they take, in a tenant of a given size, and what learning them costs.

    FOOTNOTE_HOME=SCRATCH bin/manage shell -c "import runpy; runpy.run_path('benchmarks/suggestions.py')['main']()"

A tenant of ``CHUNKS`` chunks is made of sentences of SciFact and ClapNQ, ten chunks to a document, each with three
made-up words of a vocabulary that grows with the corpus, as names and part numbers do. Its documents are noted and
learned as the scheduler would. Then the longest words of the sets' questions are typed letter by letter, from two to
eight, by ``retrieval.suggesting.suggest`` itself: one round to warm up, one that is timed. Prints p50, p95 and the
worst by the number of letters, the rows of the table, and bytes on disk for each.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median
from uuid import UUID, uuid4

from django.db import connection

from ingestion import suggestions
from ingestion.models import Collection, Source, StoredFile
from retrieval.suggesting import suggest
from tenants.models import Tenant
from tenants.scope import Principal, platform_principal, tenant_scope

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
CHUNKS = int(os.environ.get("CHUNKS", "100000"))
PER_DOCUMENT, INVENTED, BATCH = 10, 3, 5_000
LETTERS = range(2, 9)
TYPED = 200


def read(name: str, file: str) -> list[dict[str, str]]:
    """The rows of a set's file."""
    return [json.loads(line) for line in (SHARED / name / file).read_text().splitlines()]


def texts() -> Iterator[tuple[str, str]]:
    """A title and a text after the other, without end."""
    random = Random(1)  # noqa: S311  # the same texts each time
    rows = [row for name in ("scifact", "clapnq") for row in read(name, "corpus.jsonl")]
    for number in range(CHUNKS):
        one, other = random.choice(rows), random.choice(rows)
        invented = (
            f"{random.choice('abkmprstz')}{int(number ** random.random()):x}-q"
            for _ in range(INVENTED)
        )
        words = one["text"].split()[:70] + other["text"].split()[-60:] + [*invented]
        yield one.get("title") or other.get("title", ""), " ".join(words)


def load() -> Principal:
    """A new tenant with its documents."""
    tenant = Tenant.objects.using("operator").create(slug=f"typed-{uuid4().hex[:8]}", name="typed")
    with tenant_scope(platform_principal(tenant.pk)):
        collection = Collection.objects.create(slug="set", name="set")
        keys = [
            tenant.pk,
            collection.pk,
            Source.objects.create(collection=collection, kind="shell", name="set").pk,
            StoredFile.objects.create(sha256=b"", size=0).pk,
        ]
    some: list[tuple[str, str]] = []
    for row in texts():
        some.append(row)
        if len(some) == BATCH:
            _insert(keys, some)
            some = []
    return Principal(tenant.pk)


def _insert(keys: list[UUID], some: list[tuple[str, str]]) -> None:
    tenant, collection, source, file = keys
    documents = [uuid4() for _ in range(0, len(some), PER_DOCUMENT)]
    versions = [uuid4() for _ in documents]
    values = {
        "tenant": tenant,
        "collection": collection,
        "source": source,
        "file": file,
        "documents": documents,
        "versions": versions,
        "titles": [some[at][0][:300] for at in range(0, len(some), PER_DOCUMENT)],
        "of": [documents[at // PER_DOCUMENT] for at in range(len(some))],
        "at": [versions[at // PER_DOCUMENT] for at in range(len(some))],
        "ids": [uuid4() for _ in some],
        "texts": [text for _, text in some],
    }
    with tenant_scope(platform_principal(tenant)), connection.cursor() as cursor:
        for statement in ROWS:
            cursor.execute(statement, values)


ROWS = (
    """INSERT INTO ingestion_document (tenant_id, id, collection_id, source_id, external_id, title, media_type, state,
           reason_code, reason, remedy, chunks, metadata, reader_groups, created_at, updated_at)
       SELECT %(tenant)s, d.id, %(collection)s, %(source)s, d.id::text, d.title, 'text/plain', 'ready', '', '', '', 10,
              '{}', '{}', now(), now()
         FROM unnest(%(documents)s::uuid[], %(titles)s::text[]) AS d (id, title)""",
    """INSERT INTO ingestion_documentversion (tenant_id, id, document_id, number, file_id, filename, given_title,
           sha256, size, media_type, parser, text, page_spans, blocks, warnings, created_at, valid_from)
       SELECT %(tenant)s, v.id, v.document, 1, %(file)s, 'x', '', '', 0, 'text/plain', 'made', '', '[]', '[]', '[]',
              now(), now()
         FROM unnest(%(versions)s::uuid[], %(documents)s::uuid[]) AS v (id, document)""",
    """INSERT INTO ingestion_chunk (tenant_id, id, collection_id, document_id, version_id, ordinal, text, heading_path,
           span_start, span_end, tokens, content_hash, reader_groups, valid_from)
       SELECT %(tenant)s, c.id, %(collection)s, c.document, c.version, c.n, c.text, '{}', 0, 1, 1, '', '{}', now()
         FROM unnest(%(ids)s::uuid[], %(of)s::uuid[], %(at)s::uuid[], %(texts)s::text[]) WITH ORDINALITY
              AS c (id, document, version, text, n)""",
    """INSERT INTO ingestion_lexicalentry (tenant_id, id, collection_id, version_id, weights, length, average_length,
           reader_groups, valid_from)
       SELECT %(tenant)s, c.id, %(collection)s, c.version, '{1:1}/1000000000', 130, 130, '{}', now()
         FROM unnest(%(ids)s::uuid[], %(at)s::uuid[]) AS c (id, version)""",
    """UPDATE ingestion_document d SET current_version_id = v.id
         FROM unnest(%(versions)s::uuid[], %(documents)s::uuid[]) AS v (id, document)
        WHERE d.tenant_id = %(tenant)s AND d.id = v.document""",
)


def typed() -> list[str]:
    """The longest word of each question."""
    asked = [row["text"] for name in ("scifact", "clapnq") for row in read(name, "queries.jsonl")]
    return Random(1).sample(  # noqa: S311
        sorted({max(text.split(), key=len) for text in asked}), TYPED
    )


def timed(principal: Principal) -> dict[int, list[float]]:
    """Milliseconds by the number of letters."""
    found: dict[int, list[float]] = defaultdict(list)
    for word in typed():
        for letters in LETTERS:
            start = time.perf_counter()
            suggest(word[:letters], principal=principal)
            found[letters].append((time.perf_counter() - start) * 1000)
    return found


def main() -> None:
    """See the module."""
    principal = load()
    start, count = time.perf_counter(), 0
    while some := suggestions.learn(principal.tenant_id):
        count += some
    print(f"learned {count:,} documents in {time.perf_counter() - start:.0f} s", flush=True)
    with tenant_scope(platform_principal(principal.tenant_id)), connection.cursor() as cursor:
        cursor.execute(
            "SELECT kind, count(*), pg_total_relation_size('ingestion_suggestion') / 1e6"
            " FROM ingestion_suggestion GROUP BY kind ORDER BY kind"
        )
        print(CHUNKS, "chunks; rows, and MB of the whole table:", cursor.fetchall())
    timed(principal)
    every: list[float] = []
    for letters, found in timed(principal).items():
        every += found
        print(f"{letters} letters: p50 {at(found, 0.5):.1f} ms, p95 {at(found, 0.95):.1f} ms")
    print(f"all: p50 {median(every):.1f}, p95 {at(every, 0.95):.1f}, worst {max(every):.1f} ms")


def at(values: list[float], share: float) -> float:
    """The value below which this share of them is."""
    return sorted(values)[int(share * (len(values) - 1))]
