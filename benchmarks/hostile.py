"""Hostile files, and every file of the open data, through a whole running Footnote.

    .venv/bin/python benchmarks/hostile.py [--port 8791] [--seconds 1500]

Starts ``bin/up`` in a home of its own, uploads by the API each file that the tests know to be hostile and each file of
``shared/data/pdf`` and ``shared/data/office``, and waits until all have ended. Meanwhile the memory of the worker and
of its parsers is sampled. Exit code 1 unless each file was refused with a reason, or ended ``failed`` with a reason and
a remedy, or ``ready``; those of the open data ended as they should; the worker is the process that it was, has stayed
below its limit and reads the next file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from benchmarks.mixed_files import SHARED  # noqa: E402  (after the path)
from benchmarks.running import Site, running, upload, verdict, wait_terminal  # noqa: E402
from tests.ingestion.hostile import FILES as PLAIN  # noqa: E402
from tests.ingestion.hostile_formats import FORMATS  # noqa: E402

MIB = 1024 * 1024
# Of the worker itself, with its embedding model; of what reads one file (`ParseLimits.memory_bytes`).
WORKER_LIMIT, PARSER_LIMIT = 1024 * MIB, 1536 * MIB
PICTURES = [
    "cmyk-image.pdf",
    "grayscale-image.pdf",
    "imagemagick-ASCII85Decode.pdf",
    "imagemagick-CCITTFaxDecode.pdf",
    "imagemagick-lzw.pdf",
]
OPEN = ("queued", "parsing", "chunking", "embedding")
SCAN = "MEDRPT-2024-PAT-3847_medical_report_scan.pdf"


@dataclass
class Memory:
    """The most that was seen, in bytes."""

    worker: int = 0
    parser: int = 0
    parsers_together: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def sample(self, worker: psutil.Process) -> None:
        """About thirty times a second, until ``done``."""
        while not self.done.wait(0.03):
            with suppress(psutil.Error):
                self.worker = max(self.worker, worker.memory_info().rss)
                # Without what a fork shares with the process it came from, which would be counted twice.
                each = [_own(one) for one in worker.children(recursive=True)]
                self.parser = max([self.parser, *each])
                self.parsers_together = max(self.parsers_together, sum(each))


def _own(process: psutil.Process) -> int:
    try:
        found = process.memory_info()
    except psutil.Error:
        return 0
    return int(found.rss - found.shared)


@contextmanager
def watched(worker: psutil.Process) -> Iterator[Memory]:
    """Samples its memory while the block runs."""
    memory = Memory()
    thread = threading.Thread(target=memory.sample, args=(worker,))
    thread.start()
    try:
        yield memory
    finally:
        memory.done.set()
        thread.join()


def open_data() -> dict[str, bytes]:
    """Every file of the two folders."""
    found = [path for folder in ("pdf", "office") for path in sorted((SHARED / folder).iterdir())]
    return {path.name: path.read_bytes() for path in found if path.is_file()}


def expected(with_ocr: bool) -> dict[str, str]:
    """How the files of the open data end that do not end ready."""
    pictures = dict.fromkeys(PICTURES, "no_text" if with_ocr else "needs_ocr")
    scan = {} if with_ocr else {SCAN: "needs_ocr"}
    return {
        **pictures,
        **scan,
        "libreoffice-writer-password.pdf": "encrypted",
        "random.bin": "refused: unsupported_type",
    }


def send(client: httpx.Client, name: str, data: bytes) -> str:
    """Upload one file; why it was refused, or nothing."""
    answer = upload(client, name, data)
    if answer.status_code == 202:
        return ""
    error: dict[str, Any] = answer.json()["error"]
    told = error.get("message") and error.get("code")
    return f"refused: {told or f'{answer.status_code} without a reason'}"


def ends(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Every document by its name, page by page."""
    found: dict[str, dict[str, Any]] = {}
    address = "/api/v1/documents?collection=all&limit=500"
    while address:
        page = client.get(address).raise_for_status().json()
        found |= {one["external_id"]: one for one in page["results"]}
        address = page.get("next")
    return found


def end_of(document: dict[str, Any]) -> str:
    """``ready``, the code of a failure that says what to do, or what is wrong with it."""
    if document["state"] != "failed":
        return str(document["state"])
    says = document["reason"] and document["remedy"] and document["reason_code"]
    return str(says or "failed without a reason or a remedy")


def upload_all(
    client: httpx.Client, files: dict[str, bytes], seconds: float
) -> tuple[float, dict[str, str]]:
    """How long until all had ended, and how each did; what was found inside files as well."""
    began = time.monotonic()
    refused = {name: told for name, data in files.items() if (told := send(client, name, data))}
    wait_terminal(client, seconds)
    found = {name: end_of(one) for name, one in ends(client).items()}
    return time.monotonic() - began, found | refused


def hostile(site: Site, seconds: float) -> bool:
    """All of it; does every promise hold?"""
    client = site.tenant("hostile")
    upload(client, "first.md", b"# First\n\nThe worker loads its model.").raise_for_status()
    wait_terminal(client, 120)
    (worker,) = site.children("worker")
    born = worker.create_time()
    made = {f"hostile-{name}": build() for name, build in (PLAIN | FORMATS).items()}
    files = made | open_data()
    with watched(worker) as memory:
        took, found = upload_all(client, files, seconds)
    client.delete(f"/api/v1/documents/{ends(client)['first.md']['id']}")
    upload(client, "last.md", b"# Last\n\nThe worker lives.").raise_for_status()
    after, _ = wait_terminal(client, 60)
    same = worker.is_running() and worker.create_time() == born
    lives = same and ends(client)["last.md"]["state"] == "ready"
    print(f"     {len(made)} hostile files; {dict(Counter(found.values()).most_common())}")
    return (
        all_ended(files, found, took)
        & ended_right(found)
        & verdict("worker: the same, and reads on", lives, f"the next page took {after:.1f} s")
        & modest(memory)
    )


def all_ended(files: dict[str, bytes], found: dict[str, str], took: float) -> bool:
    """Each with a reason and a remedy, if it is not ready."""
    missing = [name for name in files if name not in found]
    still = [name for name, end in found.items() if end in OPEN]
    mute = [name for name, end in found.items() if "without" in end]
    told = (
        f"{len(files)} files, {len(found)} documents, {took:.0f} s; missing {missing}, open {still}"
    )
    return verdict("all ended", not missing and not still, told) & verdict(
        "each failure says why and what to do", not mute, str(mute)
    )


def ended_right(found: dict[str, str]) -> bool:
    """The files of the open data."""
    known, names = expected(shutil.which("tesseract") is not None), list(open_data())
    wrong = {name: found.get(name) for name in names if found.get(name) != known.get(name, "ready")}
    return verdict("open data: each ended as it should", not wrong, f"{len(names)} files; {wrong}")


def modest(memory: Memory) -> bool:
    """The worker and its parsers, beside their limits."""
    worker = f"most {memory.worker / MIB:.0f} MB of {WORKER_LIMIT // MIB}"
    parser = f"most {memory.parser / MIB:.0f} MB of {PARSER_LIMIT // MIB}"
    together = f"all at once {memory.parsers_together / MIB:.0f} MB"
    return verdict("worker: memory", memory.worker < WORKER_LIMIT, worker) & verdict(
        "parsers: memory", memory.parser < PARSER_LIMIT, f"{parser}, {together}"
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8791)
    parser.add_argument("--seconds", type=float, default=1500, help="to wait for the last file")
    asked = parser.parse_args()
    with running(asked.port) as site:
        return 0 if hostile(site, asked.seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
