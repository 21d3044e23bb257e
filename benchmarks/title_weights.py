"""What words of titles and headings should count: BM25 over passages, with those words counted several times.

    .venv/bin/python benchmarks/title_weights.py [scifact clapnq xquad/el xquad/vi contoso]

Passages as ingestion makes them, in this process and without a database, so that only the weights vary. Documents are
ranked by their best passage (nDCG@10); for Contoso it is the right page among the first 1, 3 and 5. Words alone: the
vectors know nothing of weights.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from contoso_chunking import found, model_folder
from lexical_quality import SHARED, load, ndcg

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion import lexical  # noqa: E402  (the repository root is not installed)
from ingestion.chunking import ChunkProfile, TokenCounter, chunk  # noqa: E402
from ingestion.parsing.sandbox import parse  # noqa: E402
from ingestion.parsing.types import Parsed, ParseLimits  # noqa: E402

SETS = ("scifact", "clapnq", "xquad/el", "xquad/vi", "contoso")
TITLES, HEADINGS = (1, 2, 3, 5), (1, 2, 3)


@dataclass(frozen=True)
class Chunk:
    """A passage's terms, and those of its title and headings."""

    place: object
    terms: Counter[str]
    title: Counter[str]
    headings: Counter[str]

    def counts(self, title: int, heading: int) -> dict[str, int]:
        """Its terms, those of title and headings counted more often."""
        return {
            term: count
            + (title - 1) * self.title.get(term, 0)
            + (heading - 1) * self.headings.get(term, 0)
            for term, count in self.terms.items()
        }


class Index:
    """Passages by term, for one pair of weights."""

    def __init__(self, chunks: list[Chunk], title: int, heading: int) -> None:
        lengths = [sum(one.terms.values()) for one in chunks]
        average = sum(lengths) / len(lengths)
        self.size, self.postings = len(chunks), dict[str, list[tuple[int, float]]]()
        for row, (one, length) in enumerate(zip(chunks, lengths, strict=True)):
            counts = one.counts(title, heading)
            weights = lexical.bm25_weights(counts, length, average)
            for term in counts:
                weight = weights[lexical.dimension(term)]
                self.postings.setdefault(term, []).append((row, weight))

    def scores(self, question: str) -> np.ndarray:
        """BM25 of every passage."""
        scores = np.zeros(self.size)
        for term, times in Counter(lexical.terms(question, question=True)).items():
            there = self.postings.get(term, [])
            weight = times * lexical.idf(self.size, len(there))
            for row, value in there:
                scores[row] += weight * value
        return scores


@cache
def counter() -> TokenCounter:
    return TokenCounter.from_file(model_folder())


def chunks_of(parsed: Parsed, title: str, name: str, by_page: bool) -> list[Chunk]:
    drafts = chunk(
        parsed.text, parsed.blocks, parsed.pages, tokenizer=counter(), profile=ChunkProfile()
    )
    return [
        Chunk(
            (name, draft.page or 0) if by_page else name,
            Counter(lexical.terms(draft.embedding_text(title))),
            Counter(lexical.terms(title)),
            Counter(lexical.terms("\n".join(draft.heading_path))),
        )
        for draft in drafts
    ]


def judged_set(name: str) -> None:
    documents, questions, judged = load(name)
    chunks: list[Chunk] = []
    for key, whole in documents.items():
        title, _, text = whole.partition("\n")
        parsed = Parsed(text, (), (), title, "text/plain", "none")
        chunks += chunks_of(parsed, title, key, by_page=False)
    for weight in TITLES:
        index = Index(chunks, weight, 1)
        reached = [ndcg(best(chunks, index.scores(questions[q])), judged[q]) for q in judged]
        print(f"{name:9s} title {weight}: {np.mean(reached):.4f}", flush=True)


def best(chunks: list[Chunk], scores: np.ndarray, depth: int = 10) -> list[str]:
    """Documents by their best passage."""
    seen: dict[str, None] = {}
    for row in np.argsort(-scores, kind="stable"):
        if scores[row] <= 0 or len(seen) == depth:
            break
        seen.setdefault(str(chunks[row].place))
    return list(seen)


def contoso() -> None:
    folder = SHARED / "contoso"
    rows = map(json.loads, (folder / "questions.jsonl").open())
    questions = [row for row in rows if row["answerable"]]
    chunks: list[Chunk] = []
    for path in sorted((folder / "pdf").glob("*.pdf")):
        parsed = parse(path, filename=path.name, media_type=None, limits=ParseLimits())
        chunks += chunks_of(parsed, parsed.title, path.name, by_page=True)
    places = [one.place for one in chunks]
    for title in TITLES:
        for heading in HEADINGS:
            index = Index(chunks, title, heading)
            shares = [
                found(index.scores(q["text"]), places, {(c["pdf"], c["page"]) for c in q["citations"]})  # type: ignore[arg-type]
                for q in questions
            ]  # fmt: skip
            told = " / ".join(f"{share:.3f}" for share in np.mean(shares, axis=0))
            print(f"contoso   title {title}, headings {heading}: {told}", flush=True)


def main() -> None:
    """A line for each set and weight."""
    for name in sys.argv[1:] or SETS:
        contoso() if name == "contoso" else judged_set(name)


if __name__ == "__main__":
    main()
