"""The built-in extractive model: does it quote the right sentences, and does it know when to say nothing?

    .venv/bin/python benchmarks/extractive.py [file ...]

CLAPnq: 300 answerable questions with gold sentences and 300 that their passage does not answer, each with
its own passage and with the five nearest of 597 passages. Contoso: 201 answerable and 45 unanswerable
questions over six PDFs in windows of 160 words, six by cosine. XQuAD Greek and Vietnamese: languages that
the embedding model does not know, the right paragraph among five. Data from `$FOOTNOTE_SHARED`, by default
`../shared`.
The provider answers questions in languages that the model does not know by words alone.

With files of SQuAD's form (XQuAD, JSQuAD, CMRC 2018) only those are measured, by words alone: the right paragraph among
any five, and among neighbours of its article. Unanswerable is a question whose paragraph was taken out.
"""

from __future__ import annotations

import csv
import json
import os
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from evals.metrics import auroc  # noqa: E402  (the repository root is not installed)
from inference.embedding.loading import DEFAULT_SETTING, load_embedder, local_model  # noqa: E402
from inference.extraction.quoting import Extract, extract  # noqa: E402
from inference.types import Passage  # noqa: E402

DATA = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
WINDOW = 160
XQUAD_SAMPLE, FILE_SAMPLE = 80, 300


@dataclass(frozen=True)
class Question:
    """A question with the passages that retrieval would give, and what is known to be right."""

    text: str
    passages: list[Passage]
    answerable: bool
    gold: tuple[str, ...] = ()
    places: frozenset[tuple[str, int]] = frozenset()
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Nearest:
    """Passages by cosine."""

    passages: list[Passage]
    vectors: Any
    embed: Any

    def to(self, question: str, count: int) -> list[Passage]:
        order = np.argsort(-(self.vectors @ self.embed([question])[0]), kind="stable")[:count]
        found = [self.passages[index] for index in order]
        return [Passage(n, one.text, one.title, one.page) for n, one in enumerate(found, 1)]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, path.read_text().splitlines())


def nearest(passages: list[Passage], embed: Any) -> Nearest:
    return Nearest(passages, embed([f"{one.title} {one.text}" for one in passages]), embed)


def clapnq(embed: Any, *, own_passage: bool) -> Iterator[Question]:
    corpus = [
        Passage(0, row["text"], row.get("title", "")) for row in rows(DATA / "clapnq/corpus.jsonl")
    ]
    search = nearest(corpus, embed) if not own_passage else None
    for kind in ("answerable", "unanswerable"):
        for row in rows(DATA / f"clapnq/clapnq_dev_{kind}.jsonl"):
            given = row["passages"][0]
            own = [Passage(1, given["text"], given["title"])]
            passages = own if search is None else search.to(row["input"], 5)
            gold = tuple(row["output"][0]["selected_sentences"])
            yield Question(row["input"], passages, kind == "answerable", gold)


def contoso(embed: Any) -> Iterator[Question]:
    windows = [
        one for path in sorted((DATA / "contoso/pdf").glob("*.pdf")) for one in pdf_windows(path)
    ]
    search = nearest(windows, embed)
    for row in rows(DATA / "contoso/questions.jsonl"):
        places = frozenset((one["pdf"], one["page"]) for one in row.get("citations") or ())
        yield Question(row["text"], search.to(row["text"], 6), row["answerable"], places=places)


def pdf_windows(path: Path) -> Iterator[Passage]:
    with pypdfium2.PdfDocument(path) as pdf:
        for number, page in enumerate(pdf, 1):
            text = page.get_textpage().get_text_bounded().replace("\r\n", "\n")
            words = list(re.finditer(r"\S+", text))
            for start in range(0, len(words), WINDOW):
                last = words[min(start + WINDOW, len(words)) - 1]
                yield Passage(0, text[words[start].start() : last.end()], path.name, number)


@dataclass(frozen=True)
class Paragraphs:
    """A set of paragraphs, as texts and titles by name, and of questions, each with its paragraph and its answers."""

    texts: dict[str, str]
    titles: dict[str, str]
    asked: list[tuple[str, str, tuple[str, ...]]]


def in_folder(folder: Path) -> Paragraphs:
    corpus = {row["_id"]: row for row in rows(folder / "corpus.jsonl")}
    with (folder / "qrels.tsv").open() as file:
        right = {row["query-id"]: row["corpus-id"] for row in csv.DictReader(file, delimiter="\t")}
    return Paragraphs(
        {name: row["text"] for name, row in corpus.items()},
        {name: row["title"] for name, row in corpus.items()},
        [
            (row["text"], right[row["_id"]], tuple(row.get("answers", ())))
            for row in rows(folder / "queries.jsonl")
        ],
    )


def in_squad_form(path: Path) -> Paragraphs:
    found = Paragraphs({}, {}, [])
    for article in json.loads(path.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            name = f"p{len(found.texts)}"
            # JSQuAD puts the title before the text.
            found.texts[name] = paragraph["context"].rpartition("[SEP]")[2].strip()
            found.titles[name] = article.get("title", "")
            for one in paragraph["qas"]:
                answers = tuple(answer["text"] for answer in one["answers"])
                found.asked.append((one["question"], name, answers))
    return found


def among_five(given: Paragraphs, sample: int, *, neighbours: bool = False) -> Iterator[Question]:
    """Each question with its paragraph among five, and once more without it; `neighbours`: of the same article."""
    rng = random.Random(1)  # noqa: S311 - the same sample every time
    for text, right, answers in rng.sample(given.asked, sample):
        others = _others(given, right, rng, neighbours)
        for names in ([right, *others[:4]], others):
            shuffled = enumerate(rng.sample(names, 5), 1)
            passages = [Passage(n, given.texts[one], one, 0) for n, one in shuffled]
            place = frozenset({(right, 0)})
            yield Question(text, passages, names is not others, (), place, answers)


def _others(given: Paragraphs, right: str, rng: random.Random, neighbours: bool) -> list[str]:
    names = [one for one in given.texts if one != right]
    if not neighbours:
        return rng.sample(names, 5)
    title = given.titles[right]
    return sorted(rng.sample(names, len(names)), key=lambda one: given.titles[one] != title)[:5]


def squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def quotes_gold(found: Extract, gold: Iterable[str]) -> list[bool]:
    """For each quote, whether it is (part of) a gold sentence."""
    wanted = [squeezed(one) for one in gold]
    said = [squeezed(one.text) for one in found.quotes]
    return [any(one in other or other in one for other in wanted if other) for one in said]


def report(name: str, questions: Iterable[Question], embed: Any) -> None:
    results = [(one, extract(one.text, one.passages, embed)) for one in questions]
    answerable = [(one, found) for one, found in results if one.answerable]
    scores = [found.score for _, found in results]
    line = f"{name:22} AUROC {auroc(scores, [one.answerable for one, _ in results]):.3f}"
    line += f"  answered {share(bool(found.quotes) for _, found in answerable)}"
    line += f"  refused {share(not found.quotes for one, found in results if not one.answerable)}"
    if any(one.gold for one, _ in answerable):
        marks = [quotes_gold(found, one.gold) for one, found in answerable if found.quotes]
        line += f"  gold among quotes {share(any(one) for one in marks)}"
        line += f"  quotes that are gold {share(mark for one in marks for mark in one)}"
    if any(one.places for one, _ in answerable):
        line += f"  right place among quotes {share(quotes_place(one, found) for one, found in answerable)}"
    if any(one.answers for one, _ in answerable):
        line += (
            f"  answer in quotes {share(quotes_answer(one, found) for one, found in answerable)}"
        )
    print(line, flush=True)


def quotes_place(question: Question, found: Extract) -> bool:
    places = {
        (one.title, one.page) for one in question.passages if one.n in {q.n for q in found.quotes}
    }
    return bool(places & question.places)


def quotes_answer(question: Question, found: Extract) -> bool:
    return any(answer in quote.text for answer in question.answers for quote in found.quotes)


def share(values: Iterable[bool]) -> str:
    listed = list(values)
    return f"{sum(listed) / len(listed):.3f}" if listed else "-"


def by_words(path: Path) -> None:
    given = in_squad_form(path)
    report(f"{path.stem}, any", among_five(given, FILE_SAMPLE), None)
    report(f"{path.stem}, neighbours", among_five(given, FILE_SAMPLE, neighbours=True), None)


def main(files: list[Path]) -> None:
    for path in files:
        by_words(path)
    if files:
        return
    with tempfile.TemporaryDirectory() as folder:
        embed = load_embedder(local_model(DEFAULT_SETTING, Path(folder))).embed
        report("clapnq, own passage", clapnq(embed, own_passage=True), embed)
        report("clapnq, five nearest", clapnq(embed, own_passage=False), embed)
        report("contoso, six nearest", contoso(embed), embed)
        for language in ("el", "vi"):
            questions = list(among_five(in_folder(DATA / "xquad" / language), XQUAD_SAMPLE))
            report(f"xquad {language}, vectors", questions, embed)
            report(f"xquad {language}, words alone", questions, None)
        report("contoso, words alone", contoso(embed), None)


if __name__ == "__main__":
    main([Path(one) for one in sys.argv[1:]])
