"""Measures search on the open sets, as an outsider would: ``bin/manage ingest``, ``bin/manage search``, a run file.

    .venv/bin/python benchmarks/search_quality.py scifact xquad/el xquad/vi clapnq contoso [--references] [--fresh]

needs a running Footnote (``bin/up``) and the data folder (``FOOTNOTE_SHARED`` or ``../shared``). Each set gets a tenant
``bench-...``, ingested once; the path of a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels.tsv`` is a set,
too. ``--references`` adds bm25s and exact MiniLM on whole documents in the same run. Prints a row of Markdown per set:
nDCG@10 of the dense side, the lexical side, plain reciprocal rank fusion of the two, and what search returns;
recall@100; what search reaches of its bar, the larger of plain fusion and 0.97 of the better side; latency without
embedding.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from evals.metrics import auroc, ndcg, recall  # noqa: E402  (the repository is no installed package)

SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
Runs = dict[str, list[str]]
Judged = dict[str, dict[str, int]]
DEPTH = 100


def manage(*arguments: str, check: bool = True) -> str:
    """One ``bin/manage`` command's output; its errors go to ours."""
    done = subprocess.run(
        [ROOT / "bin" / "manage", *arguments], stdout=subprocess.PIPE, text=True, check=False
    )
    if check and done.returncode:
        raise SystemExit(f"bin/manage {' '.join(arguments)} failed ({done.returncode}).")
    return done.stdout


def ingest(name: str, source: Path) -> str:
    """The tenant of this set; ingested if it is not there yet."""
    tenant = f"bench-{name.replace('/', '-')}"
    if tenant not in manage("tenant", "list").split():
        manage("tenant", "create", "--slug", tenant, "--name", tenant)
        print(manage("ingest", str(source), "--tenant", tenant, "--collection", "set", "--wait"))
    return tenant


def judgements(folder: Path) -> Judged:
    """Queries with at least one relevant document, as trec_eval takes them."""
    judged: Judged = defaultdict(dict)
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        judged[query][document] = int(score)
    return {query: found for query, found in judged.items() if any(found.values())}


def judged_queries(folder: Path, judged: Judged, to: Path) -> dict[str, str]:
    """Write the judged queries to a file, and give them by id."""
    rows = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    kept = {row["_id"]: row["text"] for row in rows if row["_id"] in judged}
    lines = (json.dumps({"_id": key, "text": text}) + "\n" for key, text in kept.items())
    to.write_text("".join(lines))
    return kept


def run(tenant: str, queries: Path, side: str, k: int = DEPTH) -> tuple[Runs, str]:
    """Ranked documents per query, and the command's line on latency without embedding."""
    with tempfile.NamedTemporaryFile(suffix=".trec") as out:
        said = manage(
            "search", "--queries", str(queries), "--run", out.name, "--tenant", tenant,
            "--k", str(k), "--side", side,
        )  # fmt: skip
        runs: Runs = defaultdict(list)
        for line in Path(out.name).read_text().splitlines():
            query, _, document, *_ = line.split()
            runs[query].append(document)
    found = re.search(r"without embedding: (.*)", said)
    return runs, found.group(1) if found else "?"


def rrf(*sides: Runs) -> Runs:
    """Plain reciprocal rank fusion, k = 60: the reference that search must reach."""
    fused: Runs = {}
    for query in set().union(*sides):
        scores: dict[str, float] = defaultdict(float)
        for side in sides:
            for rank, document in enumerate(side.get(query, ()), start=1):
                scores[document] += 1 / (60 + rank)
        fused[query] = sorted(scores, key=lambda document: -scores[document])
    return fused


def average(
    measure: Callable[[Sequence[str], dict[str, int]], float], runs: Runs, judged: Judged
) -> float:
    return mean(measure(runs.get(query, []), found) for query, found in judged.items())


def measure_set(name: str, options: Namespace) -> None:
    """Ingest, search on all sides, print a row."""
    folder = Path(name) if Path(name).is_dir() else SHARED / name
    tenant = ingest(folder.name if Path(name).is_dir() else name, folder / "corpus.jsonl")
    judged = judgements(folder)
    with tempfile.TemporaryDirectory() as scratch:
        queries = Path(scratch) / "queries.jsonl"
        texts = judged_queries(folder, judged, queries)
        dense, _ = run(tenant, queries, "dense")
        lexical, _ = run(tenant, queries, "lexical")
        hybrid, _ = run(tenant, queries, "hybrid")
        _, latency = run(tenant, queries, "hybrid", k=10)
    kinds = {"dense": dense, "lexical": lexical, "plain RRF": rrf(dense, lexical), "search": hybrid}
    reached = {kind: average(ndcg, runs, judged) for kind, runs in kinds.items()}
    better = max(reached["dense"], reached["lexical"])
    bar = reached["search"] / max(reached["plain RRF"], 0.97 * better, 1e-9)
    if options.references:
        kinds |= references(folder, texts)
    cells = [f"{kind} {average(ndcg, runs, judged):.4f}" for kind, runs in kinds.items()]
    found = average(lambda ranking, relevant: recall(ranking, relevant, DEPTH), hybrid, judged)
    print(
        f"| {name} | {' | '.join(cells)} | recall@{DEPTH} {found:.4f} | of its bar {bar:.3f} | {latency} |",
        flush=True,
    )


def references(folder: Path, queries: dict[str, str]) -> dict[str, Runs]:
    """bm25s with its defaults and English stems, and exact MiniLM, both on whole documents."""
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    texts = [f"{row.get('title', '')} {row['text']}".strip() for row in rows]
    ids = [row["_id"] for row in rows]
    return {
        "bm25s": bm25s_runs(ids, texts, queries),
        "exact MiniLM": minilm_runs(ids, texts, queries),
    }


def bm25s_runs(ids: list[str], texts: list[str], queries: dict[str, str]) -> Runs:
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index(
        bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False),
        show_progress=False,
    )
    asked = bm25s.tokenize(
        list(queries.values()), stopwords="en", stemmer=stemmer, show_progress=False
    )
    found, _ = index.retrieve(asked, k=min(DEPTH, len(ids)), show_progress=False)
    return {query: [ids[place] for place in row] for query, row in zip(queries, found, strict=True)}


def minilm_runs(ids: list[str], texts: list[str], queries: dict[str, str]) -> Runs:
    from sentence_transformers import SentenceTransformer

    sys.path.insert(0, str(ROOT / "platform"))
    from inference.embedding.tokenizing import default_model_path

    model = SentenceTransformer(str(default_model_path()), device="cpu")
    documents = model.encode(texts, normalize_embeddings=True, batch_size=64)
    asked = model.encode(list(queries.values()), normalize_embeddings=True, batch_size=64)
    order = (-asked @ documents.T).argsort(axis=1)[:, :DEPTH]
    return {query: [ids[place] for place in row] for query, row in zip(queries, order, strict=True)}


def measure_contoso() -> None:
    """The share of questions whose page is among the first distinct pages."""
    folder = SHARED / "contoso"
    tenant = ingest("contoso", folder / "pdf")
    asked = [row for row in read("contoso", "questions.jsonl") if row["answerable"]]
    hits = dict.fromkeys((1, 3, 5), 0)
    questions = str(folder / "questions.jsonl")
    said = manage("search", "--queries", questions, "--json", "--tenant", tenant, "--k", "20")
    results = {line["_id"]: line["results"] for line in map(json.loads, said.splitlines())}
    for row in asked:
        pages = distinct_pages(results[row["_id"]])
        right = {(found["pdf"], found["page"]) for found in row["citations"]}
        for count in hits:
            hits[count] += bool(right.intersection(pages[:count]))
    shares = ", ".join(f"@{count} {hit / len(asked):.3f}" for count, hit in hits.items())
    print(f"| contoso | right page {shares} of {len(asked)} questions |", flush=True)


def measure_answerability(name: str, source: str, rows: list[dict[str, object]]) -> None:
    """How well the answerability score tells questions with an answer from those without."""
    tenant = ingest(name, SHARED / name / source)
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as queries:
        queries.writelines(json.dumps(row) + "\n" for row in rows)
        queries.flush()
        said = manage(
            "search", "--queries", queries.name, "--json", "--explain", "--tenant", tenant
        )
    scores = {line["_id"]: line["answerability"] for line in map(json.loads, said.splitlines())}
    cosines = {
        line["_id"]: best_cosine(line["results"]) for line in map(json.loads, said.splitlines())
    }
    labels = [bool(row["answerable"]) for row in rows]
    score, cosine = (auroc([of[row["_id"]] for row in rows], labels) for of in (scores, cosines))
    print(f"| {name} | AUROC: answerability {score:.3f}, best cosine {cosine:.3f} |", flush=True)
    for threshold in (0.25, 0.35, 0.5):
        kept = [scores[row["_id"]] >= threshold for row in rows]
        yes = mean(keep for keep, label in zip(kept, labels, strict=True) if label)
        no = mean(keep for keep, label in zip(kept, labels, strict=True) if not label)
        print(
            f"|   | at {threshold}: answers {yes:.2f} of the answerable, {no:.2f} of the others |"
        )


def best_cosine(results: list[dict[str, dict[str, float]]]) -> float:
    return max((found["explain"]["dense_score"] or 0 for found in results), default=0)


def distinct_pages(passages: Iterable[dict[str, object]]) -> list[tuple[object, object]]:
    return list(dict.fromkeys((found["external_id"], found["page"]) for found in passages))


def read(name: str, file: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (SHARED / name / file).open(encoding="utf-8")]


def main() -> None:
    parser = ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("sets", nargs="+", help="scifact, clapnq, xquad/el, xquad/vi, contoso")
    parser.add_argument("--references", action="store_true", help="also bm25s and exact MiniLM")
    options = parser.parse_args()
    for name in options.sets:
        if name == "contoso":
            measure_contoso()
            measure_answerability(name, "pdf", read(name, "questions.jsonl"))
        else:
            measure_set(name, options)
        if name == "clapnq":
            measure_answerability(name, "corpus.jsonl", read(name, "queries.jsonl"))


if __name__ == "__main__":
    main()
