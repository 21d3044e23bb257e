"""Embedding engines side by side: chunks per second, milliseconds per query, agreement, and ranking quality.

    .venv/bin/python benchmarks/embedding_rate.py [--rounds 5] [--quality] [--only onnx]

All engines take turns within every round, so that a busy machine slows all of them alike; ratios are medians over the
rounds, against sentence-transformers on torch in full precision. On a busy machine look at chunks per second of
processor time, which others cannot slow. Chunks are abstracts of SciFact of 256 tokens or more
(`$FOOTNOTE_SHARED/scifact`, by default `../shared/data/scifact`). `--quality` embeds all 5,183 abstracts with each
engine (some minutes) and prints nDCG@10 over the 300 judged queries, exact search, linear gain.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from evals.metrics import ndcg  # noqa: E402  (the repository root is not installed)
from inference.embedding.artifacts import graph_file  # noqa: E402
from inference.embedding.embedder import Embedder, FloatArray  # noqa: E402
from inference.embedding.onnx_embedder import OnnxEmbedder  # noqa: E402
from inference.embedding.precision import Precision  # noqa: E402
from inference.embedding.sentence_transformer import SentenceTransformerEmbedder  # noqa: E402
from inference.embedding.tokenizing import default_model_path, load_tokenizer  # noqa: E402

SCIFACT = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data" / "scifact"
REFERENCE = "torch fp32"
CHUNKS = 64
QUERIES = 60


def engines(folder: Path) -> dict[str, Embedder]:
    """The candidates, loaded."""
    path = default_model_path()
    threads = len(os.sched_getaffinity(0))
    onnx = {
        f"onnx {precision}": OnnxEmbedder(
            graph_file(path, precision, folder), path, name=precision, threads=threads
        )
        for precision in Precision
    }
    return {
        REFERENCE: SentenceTransformerEmbedder(path, name=REFERENCE),
        "torch bf16": SentenceTransformerEmbedder(path, name="torch bf16", bfloat16=True),
        **onnx,
    }


def documents() -> dict[str, str]:
    """Abstracts with their titles, by id."""
    rows = map(json.loads, (SCIFACT / "corpus.jsonl").read_text().splitlines())
    return {row["_id"]: f"{row['title']} {row['text']}".strip() for row in rows}


def judged_queries() -> tuple[dict[str, str], dict[str, dict[str, int]]]:
    """Texts of the judged queries, and their judgements."""
    judged: dict[str, dict[str, int]] = {}
    with (SCIFACT / "qrels.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            judged.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    rows = map(json.loads, (SCIFACT / "queries.jsonl").read_text().splitlines())
    return {row["_id"]: row["text"] for row in rows if row["_id"] in judged}, judged


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass
class Rates:
    """Chunks per second in each round, of the clock and of processor time."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def measure(self, embedder: Embedder, texts: list[str]) -> None:
        used = time.process_time()
        self.clock.append(len(texts) / seconds(lambda: embedder.embed(texts)))
        self.processor.append(len(texts) / (time.process_time() - used))


def rates(found: dict[str, Embedder], texts: list[str], rounds: int) -> dict[str, Rates]:
    """Of each engine, all engines taking turns."""
    for embedder in found.values():
        embedder.embed(texts[:4])
    measured = {name: Rates() for name in found}
    for _ in range(rounds):
        for name, embedder in found.items():
            measured[name].measure(embedder, texts)
    return measured


def query_ms(embedder: Embedder, queries: list[str]) -> float:
    """Median milliseconds for one query."""
    return (
        statistics.median(seconds(lambda one=text: embedder.embed([one])) for text in queries)
        * 1000
    )


def quality(documents_: FloatArray, queries: FloatArray, ids: list[str], names: list[str]) -> float:
    """Mean nDCG@10 over the judged queries."""
    _, judged = judged_queries()
    ranked = np.argsort(-(queries @ documents_.T), axis=1, kind="stable")[:, :10]
    scores = [
        ndcg([ids[index] for index in row], judged[name])
        for name, row in zip(names, ranked, strict=True)
    ]
    return float(np.mean(scores))


def print_rates(
    found: dict[str, Embedder], texts: list[str], queries: list[str], rounds: int
) -> None:
    measured = rates(found, texts, rounds)
    reference = found[REFERENCE].embed(texts)
    print(
        f"{'engine':12} {'chunks/s':>9} {'ratio':>6} {'per CPU s':>10} {'query ms':>9}"
        f" {'least cos':>10} {'mean cos':>9}"
    )
    for name, embedder in found.items():
        pairs = zip(measured[name].clock, measured[REFERENCE].clock, strict=True)
        ratio = statistics.median(own / torch for own, torch in pairs)
        cosines = np.sum(embedder.embed(texts) * reference, axis=1)
        print(
            f"{name:12} {statistics.median(measured[name].clock):9.1f} {ratio:6.2f} "
            f"{statistics.median(measured[name].processor):10.1f} "
            f"{query_ms(embedder, queries):9.2f} {cosines.min():10.4f} {cosines.mean():9.4f}",
            flush=True,
        )


def print_quality(
    found: dict[str, Embedder], corpus: dict[str, str], texts: dict[str, str]
) -> None:
    ids, names = list(corpus), list(texts)
    print(f"\n{'engine':12} {'nDCG@10':>8}")
    for name, embedder in found.items():
        vectors = embedder.embed(list(corpus.values()))
        score = quality(vectors, embedder.embed(list(texts.values())), ids, names)
        print(f"{name:12} {score:8.4f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="with --quality: engines whose name begins so")
    parser.add_argument("--quality", action="store_true", help="also nDCG@10 on SciFact")
    options = parser.parse_args()
    corpus = documents()
    texts, _ = judged_queries()
    tokenizer = load_tokenizer(default_model_path())
    long = [text for text in list(corpus.values())[:1000] if len(tokenizer.encode(text).ids) >= 256]
    with tempfile.TemporaryDirectory() as folder:
        found = engines(Path(folder))
        print_rates(found, long[:CHUNKS], list(texts.values())[:QUERIES], options.rounds)
        if options.quality:
            chosen = {name: one for name, one in found.items() if name.startswith(options.only)}
            print_quality(chosen, corpus, texts)


if __name__ == "__main__":
    main()
