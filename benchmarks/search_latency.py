"""Latency of search, and how exact its lexical side is, in tenants of given sizes.

    FOOTNOTE_HOME=SCRATCH bin/manage shell < /dev/null    # makes a scratch database; then, with its variables set:
    SUPERUSER_DATABASE_URL=... .venv/bin/python benchmarks/search_latency.py 5183 100000 1000000

A tenant ``size-N`` is loaded if it is not there (``large_corpus``), its postings and vector graph are built as the
scheduler would, and SciFact's 300 judged questions and ClapNQ's 300 are searched by ``retrieval.search`` itself: two
rounds to warm up, then one that is timed. Prints p50 and p95 without the embedding of the question; processor time of
the Postgres backend for each; overlap of the lexical top ten with exact BM25 (a passage of the same score counts, as
BM25 has ties); nDCG@10 on SciFact's judgements; and where the time goes. ``--against PYTHON``: LangChain and
LlamaIndex too (``peers.py``), on the same Postgres, rows, vectors and questions, in the same run.
"""

import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from uuid import UUID

sys.path[:0] = [
    str(Path(__file__).resolve().parents[1]),
    str(Path(__file__).resolve().parents[1] / "platform"),
]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402
import numpy as np  # noqa: E402
import psycopg  # noqa: E402

django.setup()

from against import peers  # noqa: E402
from django.db import connection, connections  # noqa: E402
from large_corpus import chunks, fill, read  # noqa: E402

from evals.metrics import ndcg  # noqa: E402
from ingestion.lexical import dimension, terms  # noqa: E402
from retrieval.passages import SearchRequest  # noqa: E402
from retrieval.search import search  # noqa: E402
from tenants.scope import Principal  # noqa: E402

FOLDER = Path(os.environ.get("FOOTNOTE_BENCH") or Path(tempfile.gettempdir()) / "footnote-bench")
QUESTIONS = 300


def tenant_of(size: int) -> UUID:
    """The tenant of this size, loaded if it is not there."""
    with psycopg.connect(os.environ["SUPERUSER_DATABASE_URL"], autocommit=True) as owner:
        found = owner.execute(
            "SELECT id FROM tenants_tenant WHERE slug = %s", [f"size-{size}"]
        ).fetchone()
        if found:
            return UUID(str(found[0]))
        start = time.perf_counter()
        made = fill(owner, f"size-{size}", chunks(size, FOLDER / "documents.npy")).id
        print(f"loaded {size:,} chunks in {time.perf_counter() - start:.0f} s", flush=True)
        start = time.perf_counter()
        prepare(owner)
        print(f"built in {time.perf_counter() - start:.0f} s", flush=True)
        return made


def prepare(owner: psycopg.Connection[tuple[object, ...]]) -> None:
    """What the scheduler does."""
    from ingestion import postings, vector_index

    while postings.merge_due():
        pass
    vector_index.build_due()
    owner.execute("VACUUM ANALYZE")


def questions() -> dict[str, dict[str, str]]:
    """Judged questions of SciFact and answerable ones of ClapNQ, by id."""
    judged = {line.split("\t")[0] for line in (read_lines("scifact", "qrels.tsv"))}
    return {
        name: {
            str(row["_id"]): row["text"]
            for row in read(name, "queries.jsonl")
            if name == "clapnq" or row["_id"] in judged
        }
        for name in ("scifact", "clapnq")
    }


def read_lines(name: str, file: str) -> list[str]:
    from large_corpus import SHARED

    return (SHARED / name / file).read_text().splitlines()[1:]


def judgements() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for line in read_lines("scifact", "qrels.tsv"):
        query, document, score = line.split("\t")
        found[query][document] = int(score)
    return found


def backend_ms() -> float:
    """Processor time of this connection's backend so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid = cursor.fetchone()[0]
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def walls(asked: Sequence[str], tenant: UUID, side: str) -> list[float]:
    """Milliseconds for each question, without its embedding."""
    found = []
    for text in asked:
        start = time.perf_counter()
        result = search(SearchRequest(text, side=side), principal=Principal(tenant))
        found.append((time.perf_counter() - start) * 1000 - result.timings_ms["embed"])
    return found


def timed(asked: Sequence[str], tenant: UUID, side: str) -> str:
    """One line: milliseconds without embedding."""
    for _ in range(2):
        walls(asked, tenant, side)
    before, busy = backend_ms(), time.process_time()
    found = walls(asked, tenant, side)
    spent = (backend_ms() - before) / len(asked)
    ours = (time.process_time() - busy) * 1000 / len(asked)
    return (
        f"p50 {median(found):.1f} ms, p95 {late(found):.1f} ms"
        f" (processor: Postgres {spent:.1f} ms, Python {ours:.1f} ms)"
    )


class Exact:
    """BM25 by Lucene's formula over the tenant's own weights: what bm25s computes."""

    def __init__(self, tenant: UUID) -> None:
        from scipy.sparse import csc_matrix

        rows, places, values, self.ids = [], [], [], []
        with connections["operator"].cursor() as cursor:
            cursor.execute(
                "SELECT id, weights::text FROM ingestion_lexicalentry WHERE tenant_id = %s AND valid_to IS NULL",
                [tenant],
            )
            asked = {
                dimension(word)
                for group in questions().values()
                for text in group.values()
                for word in terms(text, question=True)
            }
            while some := cursor.fetchmany(5000):
                for key, text in some:
                    for pair in text[1 : text.index("}")].split(","):
                        place, _, value = pair.partition(":")
                        if int(place) in asked:
                            rows.append(len(self.ids))
                            places.append(int(place))
                            values.append(float(value))
                    self.ids.append(key)
        self.columns = {place: at for at, place in enumerate(sorted(set(places)))}
        shape = (len(self.ids), len(self.columns))
        at = [self.columns[place] for place in places]
        self.matrix = csc_matrix((values, (rows, at)), shape=shape, dtype=np.float64)
        self.frequency = np.diff(self.matrix.indptr)
        self.places = {key: at for at, key in enumerate(self.ids)}

    def scores(self, text: str) -> np.ndarray:
        counted = Counter(dimension(word) for word in terms(text, question=True))
        total = np.zeros(len(self.ids))
        for place, times in counted.items():
            at = self.columns.get(place)
            if at is not None:
                idf = np.log(
                    1 + (len(self.ids) - self.frequency[at] + 0.5) / (self.frequency[at] + 0.5)
                )
                column = self.matrix[:, at]
                total[column.indices] += times * idf * column.data
        return total


def overlap(asked: Sequence[str], tenant: UUID) -> float:
    exact, shares = Exact(tenant), []
    for text in asked:
        scores = exact.scores(text)
        best = np.sort(scores)[-10:]
        least = best[best > 0].min() if (best > 0).any() else 0
        found = search(SearchRequest(text, side="lexical"), principal=Principal(tenant)).passages
        right = sum(scores[exact.places[one.chunk_id]] >= least * 0.9999 for one in found)
        shares.append(right / max(1, int((best > 0).sum())))
    return mean(shares)


def quality(asked: dict[str, str], tenant: UUID, side: str) -> float:
    """nDCG@10 of documents by their best passage."""
    judged, total = judgements(), []
    for key, text in asked.items():
        found = search(
            SearchRequest(text, side=side, limit=20), principal=Principal(tenant)
        ).passages
        total.append(ndcg(list(dict.fromkeys(one.external_id for one in found)), judged[key]))
    return mean(total)


def beside(python: str, texts: dict[str, str], size: int, tenant: UUID) -> None:
    """LangChain and LlamaIndex on the same rows, asked in turn with us: medians, ratios of ours to theirs, nDCG@10."""
    asked, judged = list(texts.values()), judgements()
    with peers(python, FOLDER / f"peers-{size}", tenant, asked) as both:
        walls(asked[:100], tenant, "hybrid")
        ours = walls(asked, tenant, "hybrid")
        answers = both.answers()
        again = walls(asked, tenant, "hybrid")
    mine = median(ours + again)
    print(
        f"| {size:,} | Footnote beside them | p50 {mine:.1f} ms, p95 {late(ours + again):.1f} ms;"
        f" nDCG@10 {quality(texts, tenant, 'hybrid'):.4f} |"
    )
    for name, answer in answers.items():
        theirs = median(answer["walls"])
        score = mean(
            ndcg(list(dict.fromkeys(answer["found"][text])), judged[key])
            for key, text in texts.items()
        )
        print(
            f"| {size:,} | {name} | p50 {theirs:.1f} ms, p95 {late(answer['walls']):.1f} ms; ours is"
            f" {mine / theirs:.3f} of it; nDCG@10 {score:.4f} |",
            flush=True,
        )


def late(found: list[float]) -> float:
    return sorted(found)[int(0.95 * len(found))]


def main() -> None:
    parser = ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("sizes", nargs="+", type=int)
    parser.add_argument("--only", choices=("latency", "overlap", "quality", "against"))
    parser.add_argument("--against", metavar="PYTHON", help="with the libraries of peers.py")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="asked of those")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    asked = questions()
    texts = [text for group in asked.values() for text in list(group.values())[:QUESTIONS]]
    for size in options.sizes:
        tenant = tenant_of(size)
        if options.only in (None, "latency"):
            for side in ("hybrid", "lexical", "dense"):
                print(f"| {size:,} | {side} | {timed(texts, tenant, side)} |", flush=True)
        if options.only in (None, "overlap"):
            print(
                f"| {size:,} | overlap@10 with exact BM25 {overlap(texts, tenant):.4f} |",
                flush=True,
            )
        if options.only in (None, "quality"):
            sides = " ".join(
                f"{s} {quality(asked['scifact'], tenant, s):.4f}"
                for s in ("dense", "lexical", "hybrid")
            )
            print(f"| {size:,} | nDCG@10 SciFact {sides} |", flush=True)
        if options.against:
            judged = dict(list(asked["scifact"].items())[: options.questions])
            beside(options.against, judged, size, tenant)


if __name__ == "__main__":
    main()
