"""The words of `ingestion.lexical` under BM25, beside bm25s with its own words, on judged questions.

    .venv/bin/python benchmarks/lexical_quality.py

SciFact and ClapNQ (English), XQuAD in Greek and Vietnamese, from `$FOOTNOTE_SHARED` (by default `../shared`). nDCG@10
with linear gain, as trec_eval has it; title and text are indexed together. In this process, without a
database, so that only the words vary.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import bm25s
import numpy as np
from scipy.sparse import csc_matrix, csr_matrix

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion import lexical  # noqa: E402  (the repository root is not installed)

SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
SETS = {
    "scifact": ["english", "simple"],
    "clapnq": ["english", "simple"],
    "xquad/el": ["english", "greek"],
    "xquad/vi": ["english", "simple"],
}
Judgements = dict[str, dict[str, int]]
Words = Callable[[str], list[str]]


def load(name: str) -> tuple[dict[str, str], dict[str, str], Judgements]:
    """Documents and questions by id, and which documents answer which question."""
    folder = SHARED / name
    documents = {
        str(r["_id"]): f"{r.get('title', '')}\n{r['text']}" for r in _rows(folder / "corpus.jsonl")
    }
    questions = {str(r["_id"]): r["text"] for r in _rows(folder / "queries.jsonl")}
    judged: Judgements = defaultdict(dict)
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        question, document, score = line.split("\t")
        judged[question][document] = int(score)
    return documents, questions, judged


def _rows(path: Path) -> Iterable[dict[str, str]]:
    with path.open() as file:
        yield from map(json.loads, file)


def ndcg(ranked: Sequence[str], judged: dict[str, int], depth: int = 10) -> float:
    """Linear gain."""
    gain = sum(judged.get(d, 0) / math.log2(i + 2) for i, d in enumerate(ranked[:depth]))
    best = sorted(judged.values(), reverse=True)[:depth]
    return gain / sum(score / math.log2(i + 2) for i, score in enumerate(best))


def ours(name: str, language: str) -> float:
    """Mean nDCG@10 with our words and weights."""
    documents, questions, judged = load(name)
    counts = [Counter(lexical.terms(text, language)) for text in documents.values()]
    frequency = Counter(term for count in counts for term in count)
    places = {term: place for place, term in enumerate(frequency)}
    index = _matrix(counts, places)
    ids = list(documents)
    scores = []
    for question, relevant in judged.items():
        asked = np.zeros(len(places))
        for term, times in Counter(
            lexical.terms(questions[question], language, question=True)
        ).items():
            if term in places:
                asked[places[term]] = times * lexical.idf(len(ids), frequency[term])
        found = index @ asked
        order = np.argsort(-found, kind="stable")[:10]
        scores.append(ndcg([ids[i] for i in order if found[i] > 0], relevant))
    return float(np.mean(scores))


def _matrix(counts: Sequence[Counter[str]], places: dict[str, int]) -> csc_matrix:
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / len(lengths)
    rows, columns, values = [], [], []
    for row, (count, length) in enumerate(zip(counts, lengths, strict=True)):
        weights = lexical.bm25_weights(count, length, average)
        for term in count:
            rows.append(row)
            columns.append(places[term])
            values.append(weights[lexical.dimension(term)])
    return csr_matrix((values, (rows, columns)), shape=(len(counts), len(places))).tocsc()


def reference(name: str) -> float:
    """Mean nDCG@10 of bm25s as it comes (lower case, English stop words, no stemming)."""
    documents, questions, judged = load(name)
    retriever = bm25s.BM25(k1=1.2, b=0.75)
    retriever.index(
        bm25s.tokenize(list(documents.values()), show_progress=False), show_progress=False
    )
    asked = bm25s.tokenize([questions[q] for q in judged], show_progress=False)
    found, _ = retriever.retrieve(asked, corpus=list(documents), k=10, show_progress=False)
    pairs = zip(found, judged.values(), strict=True)
    return float(np.mean([ndcg(list(ranked), relevant) for ranked, relevant in pairs]))


def main() -> None:
    """One line for each set and language."""
    for name, languages in SETS.items():
        print(f"{name:9s} bm25s    {reference(name):.4f}")
        for language in languages:
            print(f"{name:9s} {language:8s} {ours(name, language):.4f}", flush=True)


if __name__ == "__main__":
    main()
