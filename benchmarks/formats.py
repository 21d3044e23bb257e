"""What becomes of every file of the open data, and how much of the expected text is found.

    .venv/bin/python benchmarks/formats.py [--no-ocr]

Reads each file of `$FOOTNOTE_SHARED/data/pdf` and `.../office` in the sandbox, as a worker does, and
prints a Markdown table: its state (or the reason why not), pages, characters, seconds; and for files with a text under
`office/expected` the share of its distinct words and of its lines that are found. A line counts when
its words stand in the text one after the other, whatever the layout between them. Then the pages/s of PDF text.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from ingestion.parsing import pdf  # noqa: E402  (the root is not installed)
from ingestion.parsing.errors import PermanentParseError  # noqa: E402
from ingestion.parsing.sandbox import Ocr, parse  # noqa: E402
from ingestion.parsing.types import Parsed, ParseLimits, Source  # noqa: E402

SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"
PASSWORDS = {"libreoffice-writer-password.pdf": "openpassword"}


def words(text: str) -> list[str]:
    """Words as they are compared: lower-case letters and digits; words broken at a line's end made whole."""
    joined = re.sub(r"(?<=\w)-\s+(?=[a-z])", "", text)
    return re.findall(r"[^\W_]+", joined.lower())


def shares(expected: str, found: str) -> tuple[float, float]:
    """(distinct words, lines) of the expected text that are found."""
    have = words(found)
    expected = re.sub(r"(?<=\w)-\n(?=[a-z])", "", expected)
    wanted = set(words(expected))
    row = f" {' '.join(have)} "
    lines = [" ".join(words(line)) for line in expected.splitlines() if words(line)]
    hits = sum(f" {line} " in row for line in lines)
    return len(wanted & set(have)) / len(wanted), hits / len(lines)


def read(path: Path, ocr: Ocr | None) -> tuple[Parsed | PermanentParseError, float]:
    """What reading a file gives, and the seconds it took."""
    started = time.perf_counter()
    password = PASSWORDS.get(path.name)
    try:
        found: Parsed | PermanentParseError = parse(
            path,
            filename=path.name,
            media_type=None,
            limits=ParseLimits(),
            password=password,
            ocr=ocr,
        )
    except PermanentParseError as error:
        found = error
    return found, time.perf_counter() - started


def row(path: Path, ocr: Ocr | None) -> str:
    """One line of the table."""
    found, seconds = read(path, ocr)
    if isinstance(found, PermanentParseError):
        return f"| {path.name} | failed: {found.code} | | | | {seconds:.2f} |"
    state = "ready" + (f", {len(found.enclosed)} inside" if found.enclosed else "")
    expected = path.parent / "expected" / f"{path.stem}.md"
    text = expected.read_text() if path.suffix == ".pdf" and expected.exists() else ""
    shown = "{:.1%} / {:.1%}".format(*shares(text, found.text)) if words(text) else ""
    pages = len(found.pages) or ""
    return f"| {path.name} | {state} | {pages} | {len(found.text):,} | {shown} | {seconds:.2f} |"


def pages_a_second() -> str:
    """The whole PDF parser, with tables, order and headings, in this process: pages per second of one processor."""
    files = sorted((SHARED / "contoso" / "pdf").glob("*.pdf"))
    sources = [Source(path, path.name, ParseLimits()) for path in files]
    pdf.parse(sources[0])
    started = time.process_time()
    pages = sum(len(pdf.parse(source).pages) for source in sources)
    seconds = time.process_time() - started
    return (
        f"PDF text: {pages} pages in {seconds:.2f} CPU s = {pages / seconds:.0f} pages/s per core"
    )


def main() -> None:
    """Print the tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--no-ocr", action="store_true", help="as if Tesseract were not installed")
    ocr = None if options.parse_args().no_ocr else Ocr()
    for folder in ("pdf", "office"):
        print(f"\n| {folder} | state | pages | characters | words / lines found | s |")
        print("|---|---|---|---|---|---|")
        for path in sorted((SHARED / folder).iterdir()):
            if path.is_file() and path.suffix and path.name != "files.json":
                print(row(path, ocr))
    print(f"\n{pages_a_second()}")


if __name__ == "__main__":
    main()
