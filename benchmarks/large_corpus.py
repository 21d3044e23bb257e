"""Tenants of any size for benchmarks: SciFact as it is, then chunks put together from its and ClapNQ's sentences.

The first 5,183 chunks are SciFact's documents, so that its judgements hold. Each further chunk takes a run of sentences
from one document and some of another, and gains a few made-up words of a Zipf vocabulary that grows with the corpus, as
names and part numbers do; its vector is a mixture of the two documents' own, with noise. Words are weighted by
``ingestion``'s own code. Rows are copied straight into the tables by the superuser, without triggers:
nothing else loads a million in minutes. Entry points: ``chunks`` and ``fill``.
"""

import json
import os
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
from numpy.typing import NDArray

from inference.clients import shared
from ingestion.lexical import bm25_weights, terms
from ingestion.models import Collection, EmbeddingSpace, Source, StoredFile
from ingestion.weighing import as_text
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
PER_DOCUMENT = 10
INVENTED = 3
AVERAGE = 130.0
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Text:
    """A document of the open sets: its sentences, and the terms of each."""

    name: str
    title: str
    sentences: list[str]
    words: list[Counter[str]]


@dataclass(frozen=True)
class Made:
    """A chunk to be loaded."""

    name: str
    title: str
    text: str
    words: Counter[str]
    vector: Vectors


def read(name: str, file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHARED / name / file).open(encoding="utf-8")]


def texts() -> list[Text]:
    """SciFact's documents, then ClapNQ's; the title counts as their first sentence."""
    sentences = {row["_id"]: row["sentences"] for row in read("scifact", "sentences.jsonl")}
    rows = read("scifact", "corpus.jsonl")
    found = [_text(row, sentences.get(row["_id"]) or [row["text"]]) for row in rows]
    return found + [_text(row, row["text"].split(" . ")) for row in read("clapnq", "corpus.jsonl")]


def _text(row: dict[str, Any], sentences: list[str]) -> Text:
    whole = [row["title"], *sentences]
    words = [Counter(terms(sentence, "english")) for sentence in whole]
    return Text(row["_id"], row["title"], whole, words)


def embedded(documents: list[str], cache: Path) -> Vectors:
    """Their vectors by the product's own engine, kept in a file: about 100 a second."""
    if not cache.exists():
        embedder = shared().embedder()
        parts = [embedder.embed(documents[at : at + 64]) for at in range(0, len(documents), 64)]
        np.save(cache, np.concatenate(parts).astype(np.float32))
    found: Vectors = np.load(cache)
    return found


def chunks(count: int, cache: Path) -> Iterator[Made]:
    """The corpus of this size; a larger one begins with it."""
    sources = texts()
    vectors = embedded(["\n".join([t.title, " ".join(t.sentences[1:])]) for t in sources], cache)
    scifact = len(read("scifact", "corpus.jsonl"))
    for source, vector in islice(zip(sources, vectors, strict=True), min(count, scifact)):
        yield Made(source.name, source.title, *_joined(source, 0, 999), vector)
    random = np.random.default_rng(7)
    for number in range(scifact, count):
        yield _mixed(number, sources, vectors, random)


def _joined(source: Text, start: int, most: int) -> tuple[str, Counter[str]]:
    words: Counter[str] = Counter()
    for one in source.words[start : start + most]:
        words.update(one)
    return " ".join(source.sentences[start : start + most]), words


def _mixed(number: int, sources: list[Text], vectors: Vectors, random: np.random.Generator) -> Made:
    first, second = (int(place) for place in random.integers(0, len(sources), 2))
    starts = [
        int(random.integers(0, max(1, len(sources[p].sentences) - 3))) for p in (first, second)
    ]
    text, words = _joined(sources[first], starts[0], int(random.integers(3, 8)))
    more, more_words = _joined(sources[second], starts[1], int(random.integers(1, 4)))
    words.update(more_words)
    # A third of the words that a chunk invents are new, the others as frequent as Zipf has it.
    invented = [f"x{min(int(draw), number)}q" for draw in random.zipf(1.2, INVENTED)]
    words.update(invented)
    noise = random.normal(0, 0.35 / vectors.shape[1] ** 0.5, vectors.shape[1])
    vector = 0.8 * vectors[first] + 0.3 * vectors[second] + noise
    vector = (vector / np.linalg.norm(vector)).astype(np.float32)
    return Made(
        f"made-{number}", sources[first].title, f"{text} {more} {' '.join(invented)}", words, vector
    )


@dataclass
class Loaded:
    """A benchmark's tenant with one collection, and what its rows are copied with."""

    id: UUID
    collection: UUID
    space: UUID
    source: UUID
    file: UUID
    documents: dict[str, tuple[UUID, UUID]] = field(default_factory=dict)
    counts: Counter[int] = field(default_factory=Counter)
    length: int = 0


def fill(connection: psycopg.Connection[Any], slug: str, made: Iterator[Made]) -> Loaded:
    """Load a new tenant; about 2,000 chunks a second. ``connection`` is the superuser's."""
    loaded = _empty(slug)
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        while some := list(islice(made, 20_000)):
            _copy(connection, loaded, some)
        _counts(connection, loaded)
    return loaded


def _empty(slug: str) -> Loaded:
    tenant = Tenant.objects.using("operator").create(slug=slug, name=slug)
    model = shared().embedder()
    with tenant_scope(platform_principal(tenant.pk)):
        collection = Collection.objects.create(slug="set", name="set", average_length=AVERAGE)
        source = Source.objects.create(collection=collection, kind="shell", name="set")
        file = StoredFile.objects.create(sha256=b"", size=0)
        space = EmbeddingSpace.objects.create(
            model=model.name, dimensions=model.dimensions, state="serving"
        )
    return Loaded(tenant.pk, collection.pk, space.pk, source.pk, file.pk)


DOCUMENTS = (
    "COPY ingestion_document (tenant_id, id, collection_id, source_id, external_id, title, media_type, state,"
    " reason_code, reason, remedy, chunks, metadata, reader_groups, current_version_id, created_at, updated_at)"
    " FROM STDIN"
)
VERSIONS = (
    "COPY ingestion_documentversion (tenant_id, id, document_id, number, file_id, filename, given_title, sha256, size,"
    " media_type, parser, text, page_spans, blocks, warnings, created_at, valid_from) FROM STDIN"
)
CHUNKS = (
    "COPY ingestion_chunk (tenant_id, id, collection_id, document_id, version_id, ordinal, text, heading_path,"
    " span_start, span_end, tokens, content_hash, reader_groups, valid_from) FROM STDIN"
)
ENTRIES = (
    "COPY ingestion_lexicalentry (tenant_id, id, collection_id, version_id, weights, length, average_length,"
    " reader_groups, valid_from) FROM STDIN"
)
VECTORS = (
    "COPY ingestion_embedding (tenant_id, id, space_id, collection_id, version_id, vector, reader_groups, valid_from)"
    " FROM STDIN (FORMAT BINARY)"
)


def _copy(connection: psycopg.Connection[Any], tenant: Loaded, some: list[Made]) -> None:
    """SciFact's documents are a document each; made chunks are ten to a document."""
    keys = [uuid4() for _ in some]
    known = set(tenant.documents)
    for made in some:
        tenant.documents.setdefault(_document(made), (uuid4(), uuid4()))
    places = [tenant.documents[_document(made)] for made in some]
    titles = {_document(made): made.title[:500] for made in some if _document(made) not in known}
    of, now = tenant, "now"
    with connection.cursor() as cursor:
        with cursor.copy(DOCUMENTS) as out:
            for name, title in titles.items():
                key, version = of.documents[name]
                out.write_row((of.id, key, of.collection, of.source, name, title, "text/plain", "ready",
                               "", "", "", PER_DOCUMENT, "{}", "{}", version, now, now))  # fmt: skip
        with cursor.copy(VERSIONS) as out:
            for name in titles:
                key, version = of.documents[name]
                out.write_row((of.id, version, key, 1, of.file, name, "", "", 0, "text/plain", "made", "",
                               "[]", "[]", "[]", now, now))  # fmt: skip
        with cursor.copy(CHUNKS) as out:
            for chunk, (key, version), made in zip(keys, places, some, strict=True):
                out.write_row((of.id, chunk, of.collection, key, version, 0, made.text, "{}", 0, len(made.text),
                               made.words.total(), "", "{}", now))  # fmt: skip
        with cursor.copy(ENTRIES) as out:
            for chunk, (_, version), made in zip(keys, places, some, strict=True):
                length = made.words.total()
                weights = bm25_weights(made.words, length, AVERAGE)
                of.counts.update(weights.keys())
                of.length += length
                out.write_row(
                    (
                        of.id,
                        chunk,
                        of.collection,
                        version,
                        as_text(weights),
                        length,
                        AVERAGE,
                        "{}",
                        now,
                    )
                )
        of.counts[0] += len(some)
        with cursor.copy(VECTORS) as out:
            out.write(_binary(of, keys, [version for _, version in places], some))


def _document(made: Made) -> str:
    number = made.name.partition("-")[2]
    return f"made-{int(number) // PER_DOCUMENT}" if number else made.name


UUID_OID = 2950


def _binary(tenant: Loaded, keys: list[UUID], versions: list[UUID], some: list[Made]) -> bytes:
    """Embeddings in Postgres' binary form: text would take three times as long as all else."""
    size = len(some[0].vector)
    now = int((np.datetime64("now") - np.datetime64("2000-01-01")) / np.timedelta64(1, "us"))
    groups = struct.pack(">iiii", 12, 0, 0, UUID_OID) + struct.pack(">iq", 8, now)
    parts = [b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)]
    fixed = struct.pack(">i", 16)
    for key, version, made in zip(keys, versions, some, strict=True):
        ids = (tenant.id, key, tenant.space, tenant.collection, version)
        parts.append(struct.pack(">h", 8) + b"".join(fixed + one.bytes for one in ids))
        parts.append(
            struct.pack(">ihh", 4 + 2 * size, size, 0) + made.vector.astype(">f2").tobytes()
        )
        parts.append(groups)
    return b"".join([*parts, struct.pack(">h", -1)])


def _counts(connection: psycopg.Connection[Any], tenant: Loaded) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY ingestion_termcount (tenant_id, id, collection_id, dimension, documents, length) FROM STDIN"
        ) as out,
    ):
        for place, count in tenant.counts.items():
            length = 0 if place else tenant.length
            out.write_row((tenant.id, uuid4(), tenant.collection, place, count, length))
