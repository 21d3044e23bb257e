"""Each guard's hits and false alarms on open data that it was not made with.

    .venv/bin/python benchmarks/guards.py

Data from `$FOOTNOTE_SHARED`, by default `../shared`. Injection is measured by `train_injection.py --measure`. Support:
SciFact's claims with the sentences that support or contradict them, and with sentences of another abstract; and real
sentences of which one thing was changed. Personal data and secrets: values made here with valid check digits, put into
sentences; false alarms on real passages and questions. Links: written out below; citations: marks put into real
sentences. JSON: values of the standard's every kind, broken in sixteen ways (`broken_json.py`).
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

import numpy as np  # noqa: E402

from benchmarks import broken_json  # noqa: E402
from benchmarks.injection_data import passages  # noqa: E402
from evals.metrics import auroc  # noqa: E402
from inference.embedding.embedder import Embedder  # noqa: E402
from inference.embedding.loading import DEFAULT_SETTING, load_embedder, local_model  # noqa: E402
from inference.guards import citations, json_schema, links, pii, secrets, support  # noqa: E402
from inference.guards.registry import GUARDS, About  # noqa: E402

SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (SHARED / name).read_text().splitlines()]


PLANTED = {
    "number changed": lambda text: re.sub(r"\b\d+\b", lambda m: str(int(m[0]) + 7), text, count=1),
    "negated": lambda text: re.sub(
        r"\b(is|are|was|were|can|will|has|have)\b", r"\1 not", text, count=1
    ),
    "name swapped": lambda text: re.sub(r"(?<=[a-z,] )[A-Z][a-z]{3,}", "Zanzibar", text, count=1),
    "direction turned": lambda text: re.sub(
        r"\b(" + "|".join(TURNED) + r")\b", lambda m: TURNED[m[0]], text, count=1
    ),
}
TURNED = {
    "more": "fewer",
    "higher": "lower",
    "increase": "decrease",
    "increased": "decreased",
    "before": "after",
}
TURNED |= {
    "first": "last",
    "largest": "smallest",
    "minimum": "maximum",
    "after": "before",
    "less": "more",
}


def planted_contradictions(embedder: Embedder) -> None:
    """Sentences of real passages against those passages, as they are and with one thing changed."""
    texts = [str(row["text"]) for row in rows("clapnq/corpus.jsonl")][:300]
    texts += [one.text for one in passages(SHARED, ROOT) if one.source == "contoso"]
    for name, change in PLANTED.items():
        pairs = [
            (sentence, change(sentence), text)
            for text in texts
            for sentence in re.split(r"(?<=[.!?])\s+", text)
            if 40 < len(sentence) < 300 and change(sentence) != sentence
        ][::7][:150]
        was = [support.score(one, [text], embedder.embed).value for one, _, text in pairs]
        now = [support.score(one, [text], embedder.embed).value for _, one, text in pairs]
        lower = np.mean(np.array(now) < np.array(was))
        auc = auroc([*was, *now], [True] * len(was) + [False] * len(now))
        print(f"support, {name}: n={len(pairs)}, scores lower {lower:.3f}, AUROC {auc:.3f}")


def supports(embedder: Embedder) -> None:
    corpus = {str(row["_id"]): row["text"] for row in rows("scifact/corpus.jsonl")}
    sentences = {
        str(row.get("doc_id", row.get("_id"))): row["sentences"]
        for row in rows("scifact/sentences.jsonl")
    }
    pairs = defaultdict(list)
    chance = random.Random(7)  # noqa: S311 - the same pairs every time
    ids = sorted(sentences)
    for row in rows("scifact/evidence.jsonl"):
        told = sentences[str(row["doc_id"])]
        evidence = " ".join(told[n] for n in row["sentences"])
        pairs[row["label"]].append((row["claim"], evidence))
        other = chance.choice(ids)
        pairs["unrelated"].append((row["claim"], " ".join(sentences[other][:2])))
    scores = {
        label: [support.score(claim, [evidence], embedder.embed).value for claim, evidence in told]
        for label, told in pairs.items()
    }
    words = {
        label: [support.score(claim, [evidence], None).value for claim, evidence in told]
        for label, told in pairs.items()
    }
    for name, by_label in (("with embeddings", scores), ("words alone", words)):
        for other in ("unrelated", "CONTRADICT"):
            both = [*by_label["SUPPORT"], *by_label[other]]
            right = [True] * len(by_label["SUPPORT"]) + [False] * len(by_label[other])
            print(
                f"support, {name}: supported against {other.lower()}: AUROC {auroc(both, right):.3f}"
            )
        at = {k: np.mean(np.array(v) >= support.SUPPORTED) for k, v in by_label.items()}
        print(
            "  accepted at the threshold:",
            {k: round(float(v), 3) for k, v in at.items()},
            len(corpus),
        )


PERSONAL = {
    "email": ["anna.keller@example.org", "j.o-brien+x@mail.example.co.uk"],
    "iban": ["DE89 3704 0044 0532 0130 00", "CH9300762011623852957", "GB29NWBK60161331926819"],
    "card": ["4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005"],
    "phone": ["+41 44 668 18 00", "+1 650-253-0000", "(030) 901820", "call 020 7946 0958"],
    "ip": ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"],
    "us-ssn": ["536-22-8145"],
    "uk-ni": ["AB 12 34 56 C"],
    "es-dni": ["12345678Z", "X1234567L"],
    "it-cf": ["RSSMRA85T10A562S"],
    "ch-ahv": ["756.9217.0769.85"],
    "de-tax-id": ["Steuer-ID: 86 095 742 719"],
    "nl-bsn": ["BSN 111222333"],
}
BROKEN = [
    "DE89 3704 0044 0532 0130 01",
    "4111 1111 1111 1112",
    "12345678A",
    "756.9217.0769.84",
    "000-12-3456",
]
FRAMES = [
    "Please write to {} by Friday.",
    "Kunde: {}.",
    "The record says {} (checked).",
    "- {}\n- other",
]


def personal() -> None:
    made = [
        (kind, frame.format(value))
        for kind, values in PERSONAL.items()
        for value in values
        for frame in FRAMES
    ]
    hits = [any(one.kind == kind for one in pii.detect(text)) for kind, text in made]
    broken = [bool(pii.detect(frame.format(value))) for value in BROKEN for frame in FRAMES]
    print(
        f"personal data: found {np.mean(hits):.3f} of {len(hits)}; wrong check digits taken {np.mean(broken):.3f}"
    )
    for kind, text in [pair for pair, hit in zip(made, hits, strict=True) if not hit][:5]:
        print("  missed:", kind, repr(text))
    false_alarms("personal data", pii.detect)


KEYS = [
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    "xoxb-123456789012-abcdefABCDEF",
    "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5qRs8t",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
    "password: hV7!kq2Zp9",
    "api_key = 'f3A9-kd82_LmQ0x7'",
    "postgresql://app:s3cr3tpw@db.example/x",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
    'client_secret="8Q~aT.x2VbN0-zLw"',
]


def keys() -> None:
    made = [frame.format(value) for value in KEYS for frame in FRAMES]
    missed = [text for text in made if not secrets.detect(text)]
    print(f"secrets: found {1 - len(missed) / len(made):.3f} of {len(made)}", *missed[:3])
    false_alarms("secrets", secrets.detect)


LINKS = [
    "![x](https://evil.example/a.png?q=secret)", "[click](http://evil.example)", "see https://evil.example/x",
    "<img src='//evil.example/a'>", "[a]: https://evil.example", "[a](javascript:alert(1))", "data:text/html,hello",
    "![x](//evil.example/a)", "<a href=https://evil.example>x</a>", "[ok](https://docs.example.evil.example/a)",
]  # fmt: skip
FINE = [
    "[1]",
    "See section 2 [3].",
    "[help](/documents/1/)",
    "https://docs.example.com/a",
    "a [b] (c)",
    "1:2 and 3//4",
]


def marks() -> None:
    """A sentence of each question's passage with a mark that exists, and with one that does not."""
    told = [str(row["text"]).split(". ")[0] for row in rows("clapnq/corpus.jsonl")]
    fine = [bool(citations.detect(f"{one} [{n % 5 + 1}].", 5)) for n, one in enumerate(told)]
    wrong = [bool(citations.detect(f"{one} [{n % 90 + 6}].", 5)) for n, one in enumerate(told)]
    print(
        f"citations: found {np.mean(wrong):.3f} of {len(wrong)}, false {np.mean(fine):.4f} of {len(fine)}"
    )
    unmarked = [one for one in told if citations.detect(one, 5)]
    print("  of sentences as they stand:", len(unmarked), unmarked[:2])


def lengths() -> None:
    long = [
        bool(GUARDS["length"].detect("a" * n, About("question"))) for n in range(20_001, 20_101)
    ]
    short = [
        bool(GUARDS["length"].detect(str(row["text"]), About("question")))
        for name in ("clapnq/queries.jsonl", "injection/wildguard-benign.jsonl")
        for row in rows(name)
    ]
    print(
        f"length: found {np.mean(long):.3f} of {len(long)}, false {np.mean(short):.4f} of {len(short)}"
    )


def json_answers() -> None:
    found: dict[str, list[str]] = defaultdict(list)
    for kind, text, value in broken_json.cases():
        try:
            told = json_schema.read(text, {"type": "object"})
        except json_schema.NotThatJson:
            found[kind].append("refused")
        else:
            found[kind].append("right" if told.value == value else "wrong")
    for kind, outcomes in found.items():
        shares = {
            name: round(outcomes.count(name) / len(outcomes), 3)
            for name in ("right", "refused", "wrong")
        }
        print(f"json, {kind}: n={len(outcomes)} {shares}")


def hyperlinks() -> None:
    allowed = ["example.com"]
    print(
        f"links: found {np.mean([bool(links.detect(text, allowed)) for text in LINKS]):.3f} of {len(LINKS)},"
        f" false alarms {np.mean([bool(links.detect(text, allowed)) for text in FINE]):.3f} of {len(FINE)}"
    )


def false_alarms(name: str, detect: object) -> None:
    for source in (
        "clapnq/corpus.jsonl",
        "clapnq/queries.jsonl",
        "contoso/questions.jsonl",
        "scifact/corpus.jsonl",
    ):
        texts = [str(row["text"]) for row in rows(source)][:1000]
        flagged = [(text, found) for text in texts if (found := detect(text))]  # type: ignore[operator]
        said = [
            (one.kind, text[one.start : one.end])
            for text, found in flagged[:2]
            for one in found[:1]
        ]
        print(
            f"  {name}: flagged of {source}: {len(flagged) / len(texts):.4f} of {len(texts)}", said
        )


def main() -> None:
    personal()
    keys()
    hyperlinks()
    marks()
    lengths()
    json_answers()
    with tempfile.TemporaryDirectory() as cache:
        embedder = load_embedder(local_model(DEFAULT_SETTING, Path(cache)))
        supports(embedder)
        planted_contradictions(embedder)


if __name__ == "__main__":
    main()
