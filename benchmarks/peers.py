"""Hybrid search of LangChain and LlamaIndex on rows that Footnote has exported; run by ``against.py``.

    python -m venv peers && peers/bin/pip install langchain-postgres llama-index-core llama-index-vector-stores-postgres

Each gets the tables and the indexes that it makes itself (HNSW with its defaults, GIN over the text; a small corpus is
asked before that, too), filled with the same texts and vectors by COPY, and is asked through its own classes:
LangChain's ``PGVectorStore`` with its reciprocal rank fusion, LlamaIndex's ``PGVectorStore`` with
``hybrid_search=True``, whose two lists are fused by rank as its ``QueryFusionRetriever`` does. Forty candidates a side,
as many as an HNSW scan gives by default. Prints JSON.
"""

import json
import os
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

DEPTH, LIMIT, WARM = 40, 10, 60
# Up to here they are asked before their vectors have an index, too: none makes one unless it is told.
FEW = 100_000
Ask = Callable[[str, list[float]], list[str]]


class Corpus:
    """Names, texts and vectors of the rows, and the questions with theirs."""

    def __init__(self, folder: Path) -> None:
        rows = [json.loads(line) for line in (folder / "rows.jsonl").open()]
        self.names, self.texts = [row[0] for row in rows], [row[1] for row in rows]
        self.vectors = np.load(folder / "rows.npy")
        self.questions = [json.loads(line) for line in (folder / "questions.jsonl").open()]
        self.asked = dict(zip(self.questions, np.load(folder / "questions.npy"), strict=True))

    @property
    def dimensions(self) -> int:
        return int(self.vectors.shape[1])


@dataclass
class Peer:
    """How it is asked, and how its indexes are made."""

    ask: Ask
    index: Callable[[], None]


def langchain(corpus: Corpus, parts: dict[str, str]) -> Peer:
    from langchain_core.embeddings import Embeddings
    from langchain_postgres import PGEngine, PGVectorStore
    from langchain_postgres.v2.hybrid_search_config import (
        HybridSearchConfig,
        reciprocal_rank_fusion,
    )
    from langchain_postgres.v2.indexes import HNSWIndex

    class Known(Embeddings):
        """Questions that are embedded already."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [self.embed_query(text) for text in texts]

        def embed_query(self, text: str) -> list[float]:
            return [float(value) for value in corpus.asked[text]]

    def hybrid(question: str = "") -> HybridSearchConfig:
        return HybridSearchConfig(
            tsv_column="content_tsv",
            tsv_lang="pg_catalog.english",
            fts_query=question,
            fusion_function=reciprocal_rank_fusion,
            fusion_function_parameters={"rrf_k": 60},
            primary_top_k=DEPTH,
            secondary_top_k=DEPTH,
        )

    engine = PGEngine.from_connection_string(
        "postgresql+psycopg://{user}:{password}@/{dbname}?host={host}".format(**parts)
    )
    filled = present(parts, "langchain") == len(corpus.names)
    if not filled:
        engine.init_vectorstore_table(
            "langchain", corpus.dimensions, hybrid_search_config=hybrid(), overwrite_existing=True
        )
        fill_langchain(corpus, parts)
    store = PGVectorStore.create_sync(engine, Known(), "langchain", hybrid_search_config=hybrid())

    def ask(question: str, _: list[float]) -> list[str]:
        found = store.similarity_search(question, k=LIMIT, hybrid_search_config=hybrid(question))
        return [one.metadata["name"] for one in found]

    def index() -> None:
        if not indexes(parts, "langchain", "hnsw"):
            store.apply_vector_index(HNSWIndex())
            store.apply_hybrid_search_index()

    return Peer(ask, index)


def fill_langchain(corpus: Corpus, parts: dict[str, str]) -> None:
    with connected(parts) as connection, connection.cursor() as cursor:
        connection.execute(
            "CREATE TEMP TABLE given (id uuid, content text, vector vector, meta json)"
        )
        with cursor.copy("COPY given FROM STDIN") as copy:
            for number, name, text, vector in rows(corpus):
                copy.write_row((uuid.UUID(int=number), text, vector, json.dumps({"name": name})))
        connection.execute(
            "INSERT INTO langchain (langchain_id, content, embedding, content_tsv, langchain_metadata)"
            " SELECT id, content, vector, to_tsvector('pg_catalog.english', content), meta FROM given"
        )


def llamaindex(corpus: Corpus, parts: dict[str, str]) -> Peer:
    from llama_index.core.vector_stores.types import VectorStoreQuery, VectorStoreQueryMode
    from llama_index.vector_stores.postgres import PGVectorStore

    url = "://{user}:{password}@/{dbname}?host={host}".format(**parts)
    settings: dict[str, Any] = {
        "connection_string": f"postgresql+psycopg2{url}",
        "async_connection_string": f"postgresql+asyncpg{url}",
        "table_name": "llamaindex",
        "schema_name": "public",
        "hybrid_search": True,
        "text_search_config": "english",
        "embed_dim": corpus.dimensions,
        "use_halfvec": True,
    }
    store = PGVectorStore(**settings)
    store._initialize()
    if present(parts, "data_llamaindex") != len(corpus.names):
        fill_llamaindex(corpus, parts)

    def index() -> None:
        nonlocal store
        graph = {"hnsw_m": 16, "hnsw_ef_construction": 64, "hnsw_ef_search": 40}
        store = PGVectorStore(
            **settings, hnsw_kwargs=graph | {"hnsw_dist_method": "halfvec_cosine_ops"}
        )
        store._initialize()

    def listed(mode: VectorStoreQueryMode, question: str, vector: list[float]) -> list[str]:
        query = VectorStoreQuery(
            query_embedding=vector,
            query_str=question,
            similarity_top_k=DEPTH,
            sparse_top_k=DEPTH,
            mode=mode,
        )
        return list(store.query(query).ids or [])

    def ask(question: str, vector: list[float]) -> list[str]:
        score: dict[str, float] = defaultdict(float)
        for mode in (VectorStoreQueryMode.DEFAULT, VectorStoreQueryMode.SPARSE):
            for rank, name in enumerate(listed(mode, question, vector)):
                score[name] += 1 / (60 + rank)
        return sorted(score, key=lambda name: -score[name])[:LIMIT]

    return Peer(ask, index)


def fill_llamaindex(corpus: Corpus, parts: dict[str, str]) -> None:
    with connected(parts) as connection, connection.cursor() as cursor:
        connection.execute("TRUNCATE data_llamaindex")
        sql = "COPY data_llamaindex (id, text, metadata_, node_id, embedding) FROM STDIN"
        with cursor.copy(sql) as copy:
            for number, name, text, vector in rows(corpus):
                copy.write_row((number, text, "{}", name, vector))


def present(parts: dict[str, str], table: str) -> int:
    """Rows that an earlier run has left."""
    with connected(parts) as connection:
        if connection.execute("SELECT to_regclass(%s)", [table]).fetchone()[0] is None:
            return 0
        sql = f"SELECT count(*) FROM {table}"  # noqa: S608  (one of two names)
        return int(connection.execute(sql).fetchone()[0])


def indexes(parts: dict[str, str], table: str, kind: str) -> bool:
    with connected(parts) as connection:
        sql = "SELECT FROM pg_indexes WHERE tablename = %s AND indexdef ILIKE %s"
        return connection.execute(sql, [table, f"%USING {kind}%"]).fetchone() is not None


def unindex(parts: dict[str, str]) -> None:
    """Back to what they make without being told."""
    with connected(parts) as connection:
        found = connection.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
            " AND (indexdef ~ 'USING hnsw' OR tablename = 'langchain' AND indexdef ~ 'USING gin')"
        ).fetchall()
        for (name,) in found:
            connection.execute(f'DROP INDEX "{name}"')


def rows(corpus: Corpus) -> Any:
    for number, (name, text) in enumerate(zip(corpus.names, corpus.texts, strict=True), start=1):
        vector = "[" + ",".join(f"{value:.6g}" for value in corpus.vectors[number - 1]) + "]"
        yield number, name, text, vector


def connected(parts: dict[str, str]) -> Any:
    return psycopg.connect(**parts)


def measured(ask: Ask, corpus: Corpus) -> dict[str, Any]:
    """Milliseconds for each question, after some to warm up, and the names found."""
    walls, found = [], {}
    vectors = {question: [float(v) for v in vector] for question, vector in corpus.asked.items()}
    for number, question in enumerate([*corpus.questions[:WARM], *corpus.questions]):
        start = time.perf_counter()
        names = ask(question, vectors[question])
        if number >= WARM:
            walls.append((time.perf_counter() - start) * 1000)
            found[question] = names
    return {"walls": walls, "found": found}


def main() -> None:
    """Fill both, where an earlier run has not; ask them as soon as a line comes in, and print JSON."""
    corpus = Corpus(Path(sys.argv[1]))
    parts = json.loads(os.environ["PEERS_DATABASE"])
    found: dict[str, Any] = {}
    peers = {"LangChain": langchain(corpus, parts), "LlamaIndex": llamaindex(corpus, parts)}
    few = len(corpus.names) <= FEW
    if few:
        unindex(parts)
    settle(parts, [] if few else list(peers.values()))
    print("ready", flush=True)
    if not sys.stdin.readline():
        return
    if few:
        found = {f"{name} as it comes": measured(peer.ask, corpus) for name, peer in peers.items()}
        settle(parts, list(peers.values()))
    found |= {f"{name} with indexes": measured(peer.ask, corpus) for name, peer in peers.items()}
    print(json.dumps(found), flush=True)


def settle(parts: dict[str, str], peers: list[Peer]) -> None:
    for peer in peers:
        peer.index()
    with psycopg.connect(**parts, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


if __name__ == "__main__":
    main()
