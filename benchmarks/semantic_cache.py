"""The semantic cache: how often another wording is known again, and how often another question is taken for the same.

    .venv/bin/python benchmarks/semantic_cache.py

Questions of contoso and clapnq from `$FOOTNOTE_SHARED`, by default `../shared`. True pairs: each question in other
words (by rules, and thirteen by hand). False pairs, all of them close: the nearest other question of the same set; the
same question with a negation, another number, or another plan. A false hit is a false pair that is taken.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

import numpy as np  # noqa: E402

from inference.embedding.embedder import Embedder  # noqa: E402
from inference.embedding.loading import DEFAULT_SETTING, load_embedder, local_model  # noqa: E402
from inference.facts import agree, facts  # noqa: E402

SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
THRESHOLDS = (0.80, 0.85, 0.88, 0.90, 0.93, 0.95, 0.97)
BY_HAND = [
    (
        "What is balance billing and how does the Northwind Standard plan protect against it?",
        "What does balance billing mean, and what protection against it does Northwind Standard give?",
    ),
    (
        "What are the steps to appeal a decision made by Northwind Health Plus?",
        "How do I appeal a decision of Northwind Health Plus?",
    ),
    (
        "What services are not covered under the Northwind Standard plan for newborns?",
        "Which services for newborns does Northwind Standard not cover?",
    ),
    (
        "Are domestic partners eligible for the Northwind Health Plus plan?",
        "Can a domestic partner join the Northwind Health Plus plan?",
    ),
    (
        "What does Contoso Electronics' Workplace Safety Program include?",
        "What is part of the Workplace Safety Program at Contoso Electronics?",
    ),
    (
        "What are some tips for managing benefits when you have multiple health insurance plans?",
        "Do you have tips on managing benefits with several health insurance plans?",
    ),
    (
        "What services does Northwind Health Plus cover for mastectomy and breast reconstruction?",
        "Which mastectomy and breast reconstruction services are covered by Northwind Health Plus?",
    ),
    ("What is the capital of France?", "Which city is the capital of France?"),
    ("who came up with the social exchange theory", "who invented social exchange theory"),
    (
        "what does a high coefficient of thermal expansion mean",
        "what is meant by a high coefficient of thermal expansion",
    ),
    ("where did the name sweet frog come from", "where does the name sweet frog come from"),
    ("what do justices do in the supreme court", "what is the job of supreme court justices"),
    ("what country is south of the united states", "which country lies south of the united states"),
]
WORDINGS = (
    (re.compile(r"^what is ", re.I), "what's "),
    (re.compile(r"^what are ", re.I), "which are "),
    (re.compile(r"^how do i ", re.I), "how can i "),
    (re.compile(r"^who ", re.I), "tell me who "),
    (re.compile(r"^when did ", re.I), "on what date did "),
    (re.compile(r"^where ", re.I), "please say where "),
    (re.compile(r"\bare covered\b"), "get covered"),
    (re.compile(r"^(.)", re.I), r"Please answer: \1"),
    (re.compile(r"\?*$"), ", please?"),
)
CHANGES = (
    (re.compile(r"\b(is|are|does|do|did|can|was|were) "), r"\1 not "),
    (re.compile(r"\b(\d+)\b"), lambda match: str(int(match[1]) + 1)),
    (re.compile(r"Northwind Standard"), "Northwind Health Plus"),
    (re.compile(r"Northwind Health Plus"), "Northwind Standard"),
    (re.compile(r"out-of-network"), "in-network"),
    (re.compile(r"\bfirst\b"), "last"),
    (re.compile(r"^who\b"), "when"),
)  # fmt: skip


def questions(name: str) -> list[str]:
    return [json.loads(line)["text"] for line in (SHARED / name).read_text().splitlines()]


def vectors(embedder: Embedder, texts: list[str]) -> np.ndarray:
    return np.vstack([embedder.embed(texts[n : n + 64]) for n in range(0, len(texts), 64)])


def varied(asked: list[str], rules: tuple) -> list[tuple[str, str]]:
    found = []
    for text in asked:
        told = [rule.sub(into, text, count=1) for rule, into in rules]
        found += [(text, one) for one in told if one != text]
    return found


def nearest(asked: list[str], embedded: np.ndarray) -> list[tuple[str, str]]:
    likeness = embedded @ embedded.T
    np.fill_diagonal(likeness, -1)
    return [
        (text, asked[int(place)])
        for text, place in zip(asked, likeness.argmax(axis=1), strict=True)
        if asked[int(place)].lower() != text.lower()
    ]


def report(name: str, pairs: list[tuple[str, str]], embedder: Embedder) -> None:
    first = vectors(embedder, [one for one, _ in pairs])
    second = vectors(embedder, [other for _, other in pairs])
    likeness = (first * second).sum(axis=1)
    agreed = np.array([agree(facts(one), facts(other)) for one, other in pairs])
    print(
        f"{name}: {len(pairs)} pairs (threshold: taken by the cosine alone, taken when the facts agree too)"
    )
    for threshold in THRESHOLDS:
        near = likeness >= threshold
        print(f"  {threshold:.2f}: {near.mean():.3f} {(near & agreed).mean():.3f}")
    taken = [pair for pair, one in zip(pairs, (likeness >= 0.93) & agreed, strict=True) if one]
    print("  e.g.", taken[:4])


def main() -> None:
    contoso, clapnq = questions("contoso/questions.jsonl"), questions("clapnq/queries.jsonl")
    with tempfile.TemporaryDirectory() as cache:
        embedder = load_embedder(local_model(DEFAULT_SETTING, Path(cache)))
        report("other words, by hand", BY_HAND, embedder)
        for name, asked in (("contoso", contoso), ("clapnq", clapnq)):
            report(f"{name}, other words", varied(asked, WORDINGS), embedder)
            report(f"{name}, another question", nearest(asked, vectors(embedder, asked)), embedder)
            report(f"{name}, one thing changed", varied(asked, CHANGES), embedder)


if __name__ == "__main__":
    main()
