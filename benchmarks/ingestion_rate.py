"""Ingestion end to end beside the bare embedding model, in the same run on the same chunks.

    bin/manage shell -c "import runpy, sys; sys.argv[1:] = []; runpy.run_path('benchmarks/ingestion_rate.py',
        run_name='__main__')"
    .venv/bin/python benchmarks/ingestion_rate.py [--rounds 4] [--documents 400] [--threads 4]     (environment set)

Each round embeds the chunks of some SciFact abstracts with the model alone, then ingests the same abstracts into a new
tenant: upload, claim, chunk, embed, publish, with as many shifts as a worker has threads. The two take turns, so that a
busy machine slows both alike. Then the same rows are ingested once more, unchanged. Needs no other worker running.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import django

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["FOOTNOTE_LOG_LEVEL"] = "WARNING"
django.setup()

from django.db import connections  # noqa: E402  (after setup)

from inference import gateway  # noqa: E402
from ingestion import collections, offers, shifts, vectors, work  # noqa: E402
from ingestion.deliveries import Delivery, deliver  # noqa: E402
from ingestion.models import Chunk  # noqa: E402
from ingestion.offers import Offer  # noqa: E402
from tenants import people  # noqa: E402
from tenants.scope import Principal, platform_principal, tenant_scope  # noqa: E402

SCIFACT = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data" / "scifact"


@dataclass
class Round:
    """Seconds of one round; ``_cpu``: of this process's processor time, which others on the machine cannot slow."""

    chunks: int
    bare: float
    bare_cpu: float
    upload: float
    ingest: float
    ingest_cpu: float
    again: float


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--threads", type=int, default=4)
    asked = parser.parse_args()
    if work.is_any_due() or work.is_any_under_way():
        sys.exit("Other documents are waiting: run this on a queue of its own.")
    found = [one for one in offers.gather(SCIFACT / "corpus.jsonl") if isinstance(one, Offer)]
    vectors.warm_up()
    sys.setswitchinterval(shifts.SWITCH_SECONDS)
    rounds = []
    for number in range(asked.rounds):
        some = found[number * asked.documents : (number + 1) * asked.documents]
        rounds.append(one_round(some, asked.threads))
        show(rounds[-1])
    ratio = statistics.median(one.bare / one.ingest for one in rounds)
    with_upload = statistics.median(one.bare / (one.upload + one.ingest) for one in rounds)
    faster = statistics.median((one.upload + one.ingest) / one.again for one in rounds)
    print(
        f"median: ingestion at {ratio:.0%} of the bare model ({with_upload:.0%} with the upload),"
        f" unchanged {faster:.0f} times faster"
    )


def one_round(some: list[Offer], threads: int) -> Round:
    tenant = people.found_tenant(slug=f"bench-{uuid4().hex[:8]}", name="Benchmark")
    principal = platform_principal(tenant.pk)
    with tenant_scope(principal):
        collection = collections.ensure("bench")
    began = time.perf_counter()
    deliver(some, collection, principal, Delivery())
    upload = time.perf_counter() - began
    ingest, ingest_cpu = timed(lambda: run(threads))
    texts = embedded_texts(principal)
    bare, bare_cpu = timed(lambda: gateway.shared().embedder().embed(texts))
    again, _ = timed(lambda: deliver(some, collection, principal, Delivery()))
    return Round(len(texts), bare, bare_cpu, upload, ingest, ingest_cpu, again)


def timed(deed: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock, and of this process's processor time."""
    began, cpu = time.perf_counter(), time.process_time()
    deed()
    return time.perf_counter() - began, time.process_time() - cpu


def run(threads: int) -> None:
    """Shifts until nothing is due, as the threads of a worker do it."""

    def shift() -> None:
        while shifts.work_shift(threads=threads + 1):
            pass
        connections.close_all()

    crew = [threading.Thread(target=shift) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()


def embedded_texts(principal: Principal) -> list[str]:
    """What was embedded: the title above the text, within the model's limit."""
    with tenant_scope(principal):
        rows = Chunk.objects.select_related("document").order_by("document", "ordinal")
        return [f"{row.document.title}\n{row.text}" for row in rows]


def show(one: Round) -> None:
    print(
        f"{one.chunks:,} chunks: model alone {one.chunks / one.bare:.0f}/s, ingestion {one.chunks / one.ingest:.0f}/s"
        f" ({one.bare / one.ingest:.0%}; by processor time {one.bare_cpu / one.ingest_cpu:.0%}),"
        f" upload {one.upload:.1f} s, unchanged again {one.again:.2f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
