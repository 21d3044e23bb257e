"""PDF readers compared: pages per second of processor time, words found, licence.

Run it where the readers are installed:

    python -m venv readers && readers/bin/pip install pypdfium2 pypdf pdfminer.six pymupdf
    readers/bin/python benchmarks/pdf_readers.py

Plain text of every PDF of `$FOOTNOTE_SHARED/data/contoso/pdf`, `.../pdf` and `.../office`, one process,
one core. A word counts as there when at least two readers find it in a file; the share is that of these words
that a reader finds. Readers that are not installed are left out. Footnote does not depend on the others.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data"


def by_pdfium(path: Path) -> tuple[int, str]:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    return len(document), "\n".join(page.get_textpage().get_text_range() for page in document)


def by_pypdf(path: Path) -> tuple[int, str]:
    import pypdf

    reader = pypdf.PdfReader(path)
    return len(reader.pages), "\n".join(page.extract_text() for page in reader.pages)


def by_pdfminer(path: Path) -> tuple[int, str]:
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LTTextContainer

    texts = [
        "".join(part.get_text() for part in page if isinstance(part, LTTextContainer))
        for page in extract_pages(path)
    ]
    return len(texts), "\n".join(texts)


def by_mupdf(path: Path) -> tuple[int, str]:
    import pymupdf

    document = pymupdf.open(path)
    return len(document), "\n".join(page.get_text() for page in document)


READERS: dict[str, tuple[str, str, Callable[[Path], tuple[int, str]]]] = {
    "pypdfium2": ("BSD-3-Clause / Apache-2.0", "pypdfium2", by_pdfium),
    "pypdf": ("BSD-3-Clause", "pypdf", by_pypdf),
    "pdfminer.six": ("MIT", "pdfminer.six", by_pdfminer),
    "PyMuPDF": ("AGPL-3.0 or commercial", "pymupdf", by_mupdf),
}


def files() -> Iterable[Path]:
    for folder in ("contoso/pdf", "pdf", "office"):
        yield from sorted((SHARED / folder).glob("*.pdf"))


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]{2,}", text.lower()))


def main() -> None:
    """Print the table."""
    logging.disable(logging.ERROR)
    found: dict[str, dict[Path, set[str]]] = {}
    told: dict[str, tuple[int, float, int]] = {}
    for name, (_, package, read) in READERS.items():
        with suppress(importlib.metadata.PackageNotFoundError):
            importlib.metadata.version(package)
            found[name], told[name] = measured(read)
    agreed = {
        path: {word for word, count in votes(found, path).items() if count > 1} for path in files()
    }
    print(
        "| reader | licence | pages per CPU second | words found | files that failed |\n|---|---|---|---|---|"
    )
    for name, (pages, seconds, failed) in told.items():
        hits = sum(len(agreed[path] & found[name].get(path, set())) for path in agreed)
        share = hits / sum(len(each) for each in agreed.values())
        licence, package, _ = READERS[name]
        version = importlib.metadata.version(package)
        print(f"| {name} {version} | {licence} | {pages / seconds:.0f} | {share:.1%} | {failed} |")


def measured(
    read: Callable[[Path], tuple[int, str]],
) -> tuple[dict[Path, set[str]], tuple[int, float, int]]:
    """The words of each file; (pages, seconds, files that failed)."""
    texts, pages, failed = {}, 0, 0
    started = time.process_time()
    for path in files():
        try:
            count, text = read(path)
        except Exception:  # noqa: BLE001  a reader that breaks at a file has failed at it, however
            failed += 1
            continue
        pages += count
        texts[path] = words(text)
    return texts, (pages, time.process_time() - started, failed)


def votes(found: dict[str, dict[Path, set[str]]], path: Path) -> Counter[str]:
    return Counter(word for texts in found.values() for word in texts.get(path, set()))


if __name__ == "__main__":
    main()
