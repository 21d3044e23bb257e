"""Re-embedding into a second space while searches run: failed searches, mixed results, and how long the switch takes.

    bin/manage shell -c "import runpy; runpy.run_path('benchmarks/space_switch.py', run_name='__main__')"
    .venv/bin/python benchmarks/space_switch.py [--documents 2500] [--clients 2]       (environment set)

Ingests SciFact abstracts into a new tenant (2,500 make some 5,000 passages), then fills a space of another model while
clients search without a pause, switches, switches back, and drops the second. A result is mixed when its cosines are
not those of one space: every passage's cosine is compared with the two that the spaces give it. Needs no worker.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

import django

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["FOOTNOTE_LOG_LEVEL"] = "WARNING"
django.setup()

from ingestion import collections, filling, offers, pipeline, spaces, vectors, work  # noqa: E402
from ingestion.deliveries import Delivery, deliver  # noqa: E402
from ingestion.models import EmbeddingSpace  # noqa: E402
from ingestion.offers import Offer  # noqa: E402
from retrieval.passages import SearchRequest, SearchResult  # noqa: E402
from retrieval.places import Space  # noqa: E402
from retrieval.runs import read_queries  # noqa: E402
from retrieval.search import search_as_steward  # noqa: E402
from tenants import people  # noqa: E402
from tenants.scope import Principal, platform_principal, tenant_scope  # noqa: E402

SCIFACT = Path(os.environ.get("FOOTNOTE_SHARED", ROOT.parent / "shared")) / "data" / "scifact"
QUESTIONS = 40


class Clients:
    """Threads that search all the time and keep what they were given."""

    def __init__(self, questions: list[str], asker: Principal, count: int) -> None:
        self.questions, self.asker = questions, asker
        self.failed: list[str] = []
        self.kept: list[tuple[str, SearchResult]] = []
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,)) for n in range(count)]

    def _run(self, offset: int) -> None:
        number = offset
        while not self.done.is_set():
            question = self.questions[number % len(self.questions)]
            number += 1
            try:
                result = search_as_steward(SearchRequest(question), principal=self.asker)
            except Exception as error:  # noqa: BLE001  counted: that is what is measured
                self.failed.append(repr(error))
                continue
            if result.degraded or not result.passages:
                self.failed.append(f"degraded: {result.degraded}")
            self.kept.append((question, result))

    def __enter__(self) -> Clients:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=2500)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--model", default="minilm@256")
    asked = parser.parse_args()
    tenant = people.found_tenant(slug=f"switch-{uuid4().hex[:8]}", name="Switch")
    asker = Principal(tenant.pk, reads_all=True)
    _ingest(platform_principal(tenant.pk), asked.documents)
    questions = [one.text for one in read_queries(SCIFACT / "queries.jsonl")][:QUESTIONS]
    with tenant_scope(platform_principal(tenant.pk)):
        space = spaces.add(asked.model)
        first = EmbeddingSpace.objects.get(state="serving")
    with Clients(questions, asker, asked.clients) as clients:
        began = time.perf_counter()
        while not filling.fill(tenant.pk, space.pk, 5):
            pass
        seconds = time.perf_counter() - began
        switches = [spaces.switch(tenant.pk, key) for key in (space.pk, first.pk, space.pk)]
        time.sleep(2)
    mixed = _mixed(clients, asker, (first, space))
    with tenant_scope(platform_principal(tenant.pk)):
        told = spaces.progress(space)
    times = [sum(result.timings_ms.values()) for _, result in clients.kept]
    print(
        f"{told.filled:,} of {told.passages:,} passages embedded anew in {seconds:.0f} s beside"
        f" {len(clients.kept):,} searches (median {statistics.median(times):.1f} ms):"
        f" {len(clients.failed)} failed, {mixed} mixed; switches"
        f" {', '.join(f'{one.milliseconds:.0f} ms' for one in switches)}"
    )
    for message in clients.failed[:5]:
        print("   ", message)
    return 1 if clients.failed or mixed else 0


def _ingest(principal: Principal, count: int) -> None:
    found = [one for one in offers.gather(SCIFACT / "corpus.jsonl") if isinstance(one, Offer)]
    with tenant_scope(principal):
        collection = collections.ensure("scifact")
    deliver(found[:count], collection, principal, Delivery())
    vectors.warm_up()
    while claimed := work.claim():
        pipeline.process(claimed)


def _mixed(clients: Clients, asker: Principal, both: tuple[EmbeddingSpace, EmbeddingSpace]) -> int:
    """Results whose cosines are neither all of the one space nor all of the other."""
    known: dict[str, list[dict[object, float | None]]] = {}
    for question in clients.questions:
        known[question] = []
        for space in both:
            place = Space(space.pk, space.model, space.dimensions, space.specification)
            request = SearchRequest(question, limit=50, space=place)
            found = search_as_steward(request, principal=asker).passages
            known[question].append({one.chunk_id: one.explain.dense_score for one in found})
    return sum(not _is_of_one(result, known[question]) for question, result in clients.kept)


def _is_of_one(result: SearchResult, known: list[dict[object, float | None]]) -> bool:
    cosines = {one.chunk_id: one.explain.dense_score for one in result.passages}
    return any(
        all(
            score is None or scores.get(key) is None or abs(score - (scores[key] or 0)) < 1e-4
            for key, score in cosines.items()
        )
        for scores in known
    )


if __name__ == "__main__":
    sys.exit(main())
