"""Makes a set harder: the same collection and judgements, its questions as people also type them.

    .venv/bin/python benchmarks/query_variants.py SET OUT

``SET`` is a folder with ``corpus.jsonl``, ``queries.jsonl`` and ``qrels.tsv``. Writes ``OUT/SET-keywords`` (the two
rarest words of each question), ``-noisy`` (a preamble, typing errors and a signature around it) and ``-typos`` (an
error in a third of the longer words), for ``search_quality.py``. The same seed gives the same questions.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion.stopwords import STOPWORDS  # noqa: E402  (the repository is no installed package)

BEFORE = (
    "Hi team, hope you are all well! Sorry to bother you on a Friday, but I was reading last night and got confused.",
    "hey everyone, quick question from a newbie here (first post, please be kind).",
    "Good morning, my colleague and I argued about this over lunch and found nothing reliable.",
    "ok so I have been going around in circles for two hours now and am about to give up...",
    "Dear support, I am preparing a presentation for my manager that is due tomorrow and urgently need help.",
)
LEAD = ("What I would like to know is this:", "My question:", "Long story short,", "Please explain")
AFTER = (
    "Any pointers would be much appreciated, thanks a lot in advance!!",
    "Please keep in mind that I am no expert, so a simple explanation would be great. Cheers, Mike",
    "Sent from my phone. This message may contain confidential information; if it is not for you please delete it.",
    "If this has been answered before just send me the link. Best regards, Anna Schmidt, Head of Sales",
)
_WORD = re.compile(r"[\w'-]+")


def keywords(question: str, held: Counter[str], most: int = 2) -> str:
    """The rarest words that the collection has, in lower case."""
    words = {word.lower() for word in _WORD.findall(question)} - STOPWORDS["english"]
    known = [word for word in sorted(words) if held[word]]
    return " ".join(sorted(known, key=lambda word: held[word])[:most]) or question


def typos(question: str, random: Random, share: float) -> str:
    """Letters swapped, lost or doubled in ``share`` of the words of five letters and more."""
    return " ".join(
        _mistyped(word, random) if len(word) > 4 and random.random() < share else word
        for word in question.split(" ")
    )


def _mistyped(word: str, random: Random) -> str:
    at, how = random.randrange(1, len(word) - 2), random.choice(("swap", "lose", "double"))
    if how == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :] if how == "lose" else word[: at + 1] + word[at:]


def noisy(question: str, random: Random) -> str:
    """The question between what people write around one."""
    parts = random.choice(BEFORE), random.choice(LEAD), typos(question, random, 0.15)
    return " ".join((*parts, random.choice(AFTER)))


def main() -> None:
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [json.loads(line) for line in (source / "queries.jsonl").open(encoding="utf-8")]
    held = Counter[str]()
    for line in (source / "corpus.jsonl").open(encoding="utf-8"):
        held.update({word.lower() for word in _WORD.findall(json.loads(line)["text"])})
    random = Random(7)  # noqa: S311  (typing errors, no secrets)
    kinds = {
        "keywords": lambda text: keywords(text, held),
        "noisy": lambda text: noisy(text, random),
        "typos": lambda text: typos(text, random, 0.35),
    }
    for kind, made in kinds.items():
        folder = out / f"{source.name}-{kind}"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"_id": row["_id"], "text": made(row["text"])}) + "\n" for row in rows]
        (folder / "queries.jsonl").write_text("".join(lines), encoding="utf-8")
        for name in ("corpus.jsonl", "qrels.tsv"):
            (folder / name).write_bytes((source / name).read_bytes())


if __name__ == "__main__":
    main()
