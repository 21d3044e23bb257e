"""Documents of mixed formats: those of the open data, and made-up ones that are the same in each run."""

from __future__ import annotations

import os
import random
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
WORDS = "pump valve engineer filter pressure oil shaft bearing gauge manual service tank"
# Some twenty chunks a document: the work must outlast the kills.
PARTS = 60
Files = dict[str, bytes]


def mixed_files(count: int) -> Files:
    """``count`` files: every small office file and PDF of the open data, the rest made up, the same in each run."""
    found: Files = {}
    for folder in ("office", "pdf"):
        for path in sorted((SHARED / folder).glob("*.*")):
            small = path.stat().st_size < 400_000 and path.suffix not in (".json", ".zip", ".bin")
            if small and len(found) < count // 4:
                found[f"{folder}-{path.name}"] = path.read_bytes()
    chance = random.Random(1)  # noqa: S311  (the same corpus each time)
    words = WORDS.split()
    makers = [_markdown, _text, _table, _page]
    while len(found) < count:
        number = len(found)
        body = [" ".join(chance.choices(words, k=chance.randint(20, 90))) for _ in range(PARTS)]
        name, text = makers[number % len(makers)](number, body)
        found[name] = text.encode()
    return found


def _markdown(number: int, body: list[str]) -> tuple[str, str]:
    return f"manual-{number}.md", "\n\n".join(f"# Part {n}\n\n{one}." for n, one in enumerate(body))


def _text(number: int, body: list[str]) -> tuple[str, str]:
    return f"note-{number}.txt", ".\n\n".join(body)


def _table(number: int, body: list[str]) -> tuple[str, str]:
    rows = [f"{n},{one.split()[0]},{one}" for n, one in enumerate(body)]
    return f"list-{number}.csv", "\n".join(["id,part,remark", *rows])


def _page(number: int, body: list[str]) -> tuple[str, str]:
    inner = "".join(f"<h2>Section {n}</h2><p>{one}.</p>" for n, one in enumerate(body))
    return f"page-{number}.html", f"<html><body><main>{inner}</main></body></html>"
