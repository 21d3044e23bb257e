"""Real workers, killed with ``kill -9`` in mid-ingestion: every document ends ready, nothing is lost or there twice."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable

import pytest

from ingestion import documents, wake, work
from ingestion.models import (
    TERMINAL,
    Chunk,
    Document,
    Embedding,
    IngestionRun,
    LexicalEntry,
    TermCount,
)
from tenants.models import Tenant
from tests.config.homes import wait_until
from tests.ingestion.workers import empty_queue as empty_queue
from tests.ingestion.workers import kill, start_worker
from tests.ingestion.workshop import (
    Workshop,
    let_delays_pass,
    let_leases_lapse,
    pdf,
    work_off,
)

pytestmark = pytest.mark.usefixtures("empty_queue")
KILLS = 10
Contents = Counter[tuple[str, int, int, int, str]]


def upload_all(workshop: Workshop) -> None:
    """Files that go alone and texts that go together, some 400 chunks."""
    files = {
        f"manual-{n}.md": "\n\n".join(
            f"# Part {part}\n\n" + f"Pump {n} part {part} is serviced by engineer {part % 7}. " * 30
            for part in range(14)
        ).encode()
        for n in range(8)
    }
    files |= {
        f"report-{n}.pdf": pdf(f"Report {n} on pumps", f"Second page of {n}") for n in range(3)
    }
    rows = [
        documents.Upload(
            filename=f"row-{n}.txt",
            content=b"Row %d: filters are changed." % n,
            media_type="text/plain",
        )
        for n in range(90)
    ]
    with workshop.scope():
        documents.upload_many(
            collection=workshop.collection,
            uploads=[documents.Upload(filename=name, content=data) for name, data in files.items()]
            + rows,
        )


def contents(workshop: Workshop) -> Contents:
    """Every chunk that search can find, with its place; and that each has its two search rows."""
    with workshop.scope():
        rows = Chunk.objects.filter(valid_to=None).select_related("document")
        found = Counter(
            (row.document.external_id, row.ordinal, row.span_start, row.span_end, row.text)
            for row in rows
        )
        keys = sorted(row.pk for row in rows)
        for table in (Embedding, LexicalEntry):
            assert sorted(table.objects.filter(valid_to=None).values_list("id", flat=True)) == keys
    return found


def sums(workshop: Workshop) -> Counter[int]:
    """The collection's document frequencies."""
    found: Counter[int] = Counter()
    with workshop.scope():
        for place, number in TermCount.objects.values_list("dimension", "documents"):
            found[place] += number
    return found


def in_the_midst() -> bool:
    """Is any run under way, or everything done?"""
    return work.is_any_under_way() or not work.is_any_due()


@pytest.mark.slow
def test_ten_kills_leave_what_an_undisturbed_run_leaves(
    acme: Tenant, globex: Tenant, new_workshop: Callable[[Tenant], Workshop]
) -> None:
    calm, stormy = new_workshop(globex), new_workshop(acme)
    upload_all(calm)
    work_off()
    upload_all(stormy)
    chance, interrupted = random.Random(7), 0
    for _ in range(KILLS):
        worker = start_worker()
        wake.now()
        wait_until(in_the_midst, 60)
        time.sleep(chance.uniform(0, 0.4))
        kill(worker)
        interrupted += work.is_any_under_way()
        # What thirty seconds of silence and the scheduler would do.
        let_leases_lapse()
        work.reconcile()
        let_delays_pass()
    assert interrupted >= KILLS // 3, "the kills must have hit work"
    work_off()
    with stormy.scope():
        states = set(Document.objects.values_list("state", flat=True))
        assert states == {"ready"}, list(
            Document.objects.values_list("reason", flat=True).distinct()
        )
        assert not IngestionRun.objects.exclude(state__in=TERMINAL).exists()
    assert contents(stormy) == contents(calm)
    assert sums(stormy) == sums(calm)


@pytest.mark.slow
def test_each_message_delivered_three_times_does_everything_once(workshop: Workshop) -> None:
    worker = start_worker()
    try:
        upload_all(workshop)
        for _ in range(3 * 20):
            wake.now()
        wait_until(lambda: not work.is_any_due() and not work.is_any_under_way(), 120)
    finally:
        worker.send_signal(signal.SIGQUIT)
        worker.wait(timeout=30)
    with workshop.scope():
        runs = list(IngestionRun.objects.all())
        assert {run.state for run in runs} == {"ready"}
        assert {run.attempts for run in runs} == {1}
    assert max(contents(workshop).values()) == 1


@pytest.mark.slow
def test_an_upload_is_picked_up_within_moments(workshop: Workshop) -> None:
    worker = start_worker()
    try:
        workshop.upload("warm.md", "The first one loads the model.")
        wait_until(lambda: not work.is_any_due() and not work.is_any_under_way(), 60)
        delays = [_pick_up(workshop, number) for number in range(5)]
    finally:
        worker.send_signal(signal.SIGQUIT)
        worker.wait(timeout=30)
    assert sorted(delays)[2] < 0.5, delays


def _pick_up(workshop: Workshop, number: int) -> float:
    """Seconds between the upload's commit and the claim, by the database's clock."""
    document = workshop.upload(f"{number}.md", f"Pump {number} leaks.").document
    wait_until(lambda: workshop.document(document.pk).state == "ready", 60)
    run = workshop.run_of(document)
    assert run.started_at is not None
    return (run.started_at - run.not_before).total_seconds()
