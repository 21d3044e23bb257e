"""Real workers look at sources and are killed in the midst of it: nothing is lost, nothing is there twice."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ingestion import sources, wake, work
from ingestion.models import Chunk, DocumentVersion, SourceItem, SourceRun
from ingestion.syncing import work as looks
from tests.config.homes import wait_until
from tests.fakes.web_site import Handler, Page, WebSite
from tests.ingestion.watch import Watch
from tests.ingestion.workers import empty_queue as empty_queue
from tests.ingestion.workers import kill, start_scheduler, start_worker
from tests.ingestion.workshop import let_delays_pass, let_leases_lapse, operator, work_off

pytestmark = pytest.mark.usefixtures("empty_queue")
Add = Callable[..., Watch]
PAGES, WRITTEN = 24, 8


def page(number: int, days: int = 20) -> Page:
    return Page(f"<h1>Page {number}</h1><p>Leave on page {number} is {days} days.</p>".encode())


@contextmanager
def held(site: WebSite, path: str, then: Page) -> Iterator[threading.Event]:
    """Whoever asks for the path waits until the block ends; the event says that somebody does."""
    asked, released = threading.Event(), threading.Event()

    def answer(handler: Handler) -> None:
        asked.set()
        released.wait(60)
        handler.answer(then)

    site.pages[path] = answer
    try:
        yield asked
    finally:
        site.pages[path] = then
        released.set()


def slowly(then: Page) -> Callable[[Handler], None]:
    """Longer than a look keeps what it has fetched to itself."""

    def answer(handler: Handler) -> None:
        time.sleep(2.2)
        handler.answer(then)

    return answer


def kill_at(site: WebSite, path: str, then: Page) -> None:
    """A worker goes on with the look until it asks for the path, and dies there."""
    worker = start_worker()
    with held(site, path, then) as asked:
        wake.now(wake.SYNC_TASK)
        assert asked.wait(120), "the worker did not come to the page"
        kill(worker)
    # What a minute of silence and the scheduler would do.
    operator("UPDATE ingestion_sourcerun SET lease_until = now() WHERE lease_until IS NOT NULL")
    looks.reconcile()
    operator("UPDATE ingestion_sourcerun SET not_before = now() WHERE finished_at IS NULL")
    let_leases_lapse()
    work.reconcile()
    let_delays_pass()


def ask_for(watch: Watch) -> SourceRun:
    with watch.workshop.scope():
        return sources.sync(source=watch.source)


def finish(watch: Watch, run: SourceRun) -> SourceRun:
    """A worker goes on to the end, with the documents as well."""
    worker = start_worker()
    try:
        wake.now(wake.SYNC_TASK)
        wait_until(lambda: watch.reloaded(run).finished_at is not None, 120)
    finally:
        worker.send_signal(signal.SIGQUIT)
        worker.wait(timeout=60)
    let_leases_lapse()
    work.reconcile()
    let_delays_pass()
    work_off()
    return watch.reloaded(run)


def versions(watch: Watch) -> Counter[str]:
    """How many versions each living document has."""
    with watch.workshop.scope():
        rows = DocumentVersion.objects.filter(document__deleted_at=None)
        return Counter(rows.values_list("document__external_id", flat=True))


def texts(watch: Watch) -> list[str]:
    with watch.workshop.scope():
        return sorted(Chunk.objects.filter(valid_to=None).values_list("text", flat=True))


@pytest.mark.slow
def test_a_look_whose_workers_are_killed_loses_nothing_and_doubles_nothing(
    web_site: WebSite, add_source: Add
) -> None:
    for number in range(PAGES):
        web_site.pages[f"/{number}"] = page(number)
    web_site.pages[f"/{WRITTEN}"] = slowly(page(WRITTEN))
    addresses = [f"{web_site.address}/{number}" for number in range(PAGES)]
    watch = add_source("url", urls=addresses)
    run = ask_for(watch)
    kill_at(web_site, "/3", page(3))
    kill_at(web_site, "/15", page(15))
    done = finish(watch, run)
    assert (done.state, done.failed, done.attempts) == ("done", 0, 3), done.reason
    assert watch.states() == dict.fromkeys(addresses, "ready")
    assert versions(watch) == dict.fromkeys(addresses, 1)
    assert len(texts(watch)) == len(set(texts(watch))) == PAGES
    with watch.workshop.scope():
        assert SourceItem.objects.filter(source=watch.source).count() == PAGES
    asked = Counter(path for path in web_site.paths() if path != "/robots.txt")
    # Those that the second worker had written were not asked for by the third.
    assert {asked[f"/{number}"] for number in range(4, WRITTEN + 1)} == {1}


@pytest.mark.slow
def test_a_second_look_that_is_killed_changes_and_deletes_each_page_once(
    web_site: WebSite, add_source: Add
) -> None:
    for number in range(PAGES):
        web_site.pages[f"/{number}"] = page(number)
    addresses = [f"{web_site.address}/{number}" for number in range(PAGES)]
    watch = add_source("url", urls=addresses)
    watch.sync()
    watch.ingest()
    changed, gone = {2, 9, 17}, {5, 20}
    for number in changed:
        web_site.pages[f"/{number}"] = page(number, days=30)
    for number in gone:
        del web_site.pages[f"/{number}"]
    run = ask_for(watch)
    kill_at(web_site, "/17", page(17, days=30))
    done = finish(watch, run)
    assert (done.state, done.failed) == ("done", 0), done.reason
    assert versions(watch) == {
        address: 2 if number in changed else 1
        for number, address in enumerate(addresses)
        if number not in gone
    }
    assert sum("30 days" in text for text in texts(watch)) == len(changed)
    assert len(texts(watch)) == PAGES - len(gone)


@pytest.mark.soak
def test_the_scheduler_alone_brings_a_due_source_to_its_end_past_a_killed_worker(
    web_site: WebSite, add_source: Add, tmp_path: Path
) -> None:
    """About two minutes: nothing is hurried here, leases and rounds are those of a running Footnote."""
    for number in range(PAGES):
        web_site.pages[f"/{number}"] = page(number)
    addresses = [f"{web_site.address}/{number}" for number in range(PAGES)]
    watch = add_source("url", urls=addresses, options={"every_minutes": 5})
    operator("UPDATE ingestion_source SET next_run_at = now() WHERE id = %s", watch.source.pk)
    scheduler, worker = start_scheduler(tmp_path), start_worker()
    try:
        with held(web_site, "/12", page(12)) as asked:
            assert asked.wait(120), "nobody looked at the source that was due"
            kill(worker)
            worker = start_worker()
        wait_until(lambda: watch.states() == dict.fromkeys(addresses, "ready"), 240)
        assert versions(watch) == dict.fromkeys(addresses, 1)
        with watch.workshop.scope():
            (run,) = SourceRun.objects.filter(source=watch.source)
        assert (run.state, run.attempts) == ("done", 2)
    finally:
        for process in (scheduler, worker):
            process.terminate()
            process.wait(timeout=60)
