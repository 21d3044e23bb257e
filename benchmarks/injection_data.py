"""What the injection guard learns from and is measured on: attacks, harmless messages, clean passages, planted attacks.

A sample's ``group`` is what must not stand on both sides of a fold: near-duplicates among the attacks are variants of
one template, a family of our own texts is one, and so is the document that a passage is from.
"""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2

from benchmarks import injection_grammar, injection_texts, ordinary_texts

# Two attacks that share this much of the shorter one's triples of words are variants of one template.
SAME_TEMPLATE = 0.3
# As long as a passage of 256 tokens.
PASSAGE = 1100
# Of a corpus, and of what a package says of itself.
MOST_DOCUMENTS, MOST_PARTS = 1000, 8
ORDINARY, COMMANDS, NOTICES = "ordinary messages", "commands", "notices"
GRAMMAR = "attacks by grammar"
ATTACKS, PROMPTS, OWN_ATTACKS, OWN_HARMLESS = (
    "cyberseceval",
    "wildguard",
    "own attacks",
    "lookalikes",
)
QUESTIONS = {
    "clapnq questions": "clapnq/queries.jsonl",
    "contoso questions": "contoso/questions.jsonl",
    "greek questions": "xquad/el/queries.jsonl",
    "vietnamese questions": "xquad/vi/queries.jsonl",
    "scifact claims": "scifact/queries.jsonl",
}
CORPORA = {
    "clapnq": "clapnq/corpus.jsonl",
    "scifact": "scifact/corpus.jsonl",
    "greek": "xquad/el/corpus.jsonl",
    "vietnamese": "xquad/vi/corpus.jsonl",
}
# Passages that attacks are planted in.
HOSTS = ("clapnq", "scifact", "contoso")


@dataclass(frozen=True)
class Sample:
    """A text, whether it is an attack, from where, and what it belongs to."""

    text: str
    attack: bool
    source: str
    group: str


def messages(shared: Path) -> list[Sample]:
    """What a person might write. Raises FileNotFoundError without the shared data."""
    attacks = _texts(shared / "injection" / "cyberseceval.jsonl")
    found = [
        Sample(text, True, ATTACKS, f"{ATTACKS} {group}")
        for text, group in zip(attacks, _groups(attacks), strict=True)
    ]
    for source, path in {PROMPTS: "injection/wildguard-benign.jsonl", **QUESTIONS}.items():
        texts = _texts(shared / path)
        found += [Sample(text, False, source, f"{source} {n}") for n, text in enumerate(texts)]
    own = (
        (OWN_ATTACKS, True, injection_texts.attacks()),
        (GRAMMAR, True, injection_grammar.attacks()),
        (OWN_HARMLESS, False, injection_texts.harmless()),
    )
    for source, attack, told in own:
        # A family of attacks stands on one side; of the lookalikes, each stands for itself.
        found += [
            Sample(text, attack, source, f"{source}: {family} {n if not attack else ''}")
            for n, (family, text) in enumerate(told)
        ]
    templates = (
        (ORDINARY, ordinary_texts.ordinary()),
        (COMMANDS, injection_grammar.commands()),
        (NOTICES, injection_grammar.notices()),
    )
    for source, numbered in templates:
        found += [Sample(text, False, source, f"{source} {number}") for number, text in numbered]
    return found


def passages(shared: Path, root: Path) -> list[Sample]:
    """Clean passages: of every corpus, of the handbook that speaks of security, of code and mark-up."""
    found = [
        Sample(text, False, source, f"{source} {n}")
        for source, path in CORPORA.items()
        for n, text in enumerate(_texts(shared / path, MOST_DOCUMENTS))
    ]
    for pdf in sorted((shared / "contoso" / "pdf").glob("*.pdf")):
        pages = pypdfium2.PdfDocument(pdf)
        for n in range(len(pages)):
            text = pages[n].get_textpage().get_text_range()
            found += [Sample(part, False, "contoso", f"{pdf.name} {n}") for part in _parts(text)]
    for source, paths in _files(shared, root):
        for path in paths:
            found += [
                Sample(part, False, source, f"{path.parent.name}/{path.name}")
                for part in _shown(path)
            ]
    return found


def _files(shared: Path, root: Path) -> Iterator[tuple[str, list[Path]]]:
    yield "handbook", sorted((root / "docs" / "handbook-source").rglob("*.md"))
    yield (
        "docs",
        sorted(
            [
                *root.glob("*.md"),
                *(root / "docs").glob("*.md"),
                *(root / "docs" / "adr").glob("*.md"),
            ]
        ),
    )
    site = Path(pypdfium2.__file__).parents[1]
    yield "readmes", sorted(site.glob("*.dist-info/METADATA"))
    yield "commonmark", [shared / "markdown" / "commonmark-spec.md"]
    yield "office", sorted((shared / "office" / "expected").glob("*.md"))


def _shown(path: Path) -> Iterator[str]:
    """Of a package's description only so much, and not the header before it."""
    text = path.read_text(encoding="utf-8")
    if path.name != "METADATA":
        return _parts(text)
    return itertools.islice(_parts(text.partition("\n\n")[2]), MOST_PARTS)


def planted(text: str, host: str, chance: random.Random) -> tuple[str, int]:
    """The text between two sentences of a passage, never at its ends; and where it begins."""
    inside = [one.end() for one in re.finditer(r"[.!?]\s+", host)][:-1] or [len(host) // 2]
    at = chance.choice(inside)
    return f"{host[:at]}{text} {host[at:]}", at


def _parts(text: str) -> Iterator[str]:
    """Paragraphs packed to the length of a passage."""
    held = ""
    for paragraph in re.split(r"\n\s*\n", text):
        if held and len(held) + len(paragraph) > PASSAGE:
            yield held
            held = ""
        held = f"{held}\n\n{paragraph}".strip()[:3000]
    if held:
        yield held


def _texts(path: Path, most: int = 1000) -> list[str]:
    rows: Iterable[str] = path.read_text(encoding="utf-8").splitlines()[:most]
    return [json.loads(row)["text"] for row in rows]


def _groups(texts: list[str]) -> list[int]:
    """The first member of each text's group (transitive)."""
    grams, first = [_grams(text) for text in texts], list(range(len(texts)))
    for late in range(len(texts)):
        for early in range(late):
            shared = len(grams[late] & grams[early])
            if shared > SAME_TEMPLATE * max(1, min(len(grams[late]), len(grams[early]))):
                old, new = first[late], first[early]
                first = [new if one == old else one for one in first]
    return first


def _grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False)) or {(word,) for word in words}
