"""Who gets which work when: leases by the database's clock, fair turns, and what becomes of silent workers."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from ingestion import claims, documents, pipeline, progress, publication, work
from ingestion.models import Document, IngestionRun, State
from ingestion.progress import show
from ingestion.work import Claim
from tenants.models import Tenant
from tenants.scope import platform_principal, tenant_scope
from tests.ingestion.workshop import (
    Workshop,
    claimed,
    let_delays_pass,
    let_leases_lapse,
    operator,
    work_off,
)

NewWorkshop = Callable[[Tenant], Workshop]
TEXT = "The pump must be serviced every six weeks."


def many(workshop: Workshop, number: int, *, media_type: str | None = "text/plain") -> None:
    offered = [
        documents.Upload(filename=f"{n}.txt", content=f"{TEXT} {n}".encode(), media_type=media_type)
        for n in range(number)
    ]
    with workshop.scope():
        documents.upload_many(collection=workshop.collection, uploads=offered)


def test_a_claimed_run_is_nobody_elses(workshop: Workshop) -> None:
    workshop.upload("a.md", TEXT)
    assert work.is_any_due()
    first = claimed()
    assert work.claim() is None
    assert not work.is_any_due()
    assert work.is_any_under_way()
    assert len(first.run_ids) == 1


def test_a_large_file_goes_alone_and_small_texts_go_together(workshop: Workshop) -> None:
    workshop.upload("a.md", TEXT)
    many(workshop, 5)
    assert len(claimed().run_ids) == 1
    assert len(claimed().run_ids) == 5


def test_a_text_that_was_tried_before_goes_alone(workshop: Workshop) -> None:
    many(workshop, 3)
    assert len(claimed().run_ids) == 3
    let_leases_lapse()
    assert work.reconcile().requeued == 3
    let_delays_pass()
    assert [len(claimed().run_ids) for _ in range(3)] == [1, 1, 1]


def test_many_workers_at_once_never_share_a_run(workshop: Workshop) -> None:
    many(workshop, 60, media_type=None)
    taken: list[object] = []
    start = threading.Barrier(6)

    def worker() -> None:
        start.wait()
        while found := work.claim():
            taken.extend(found.run_ids)
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 60


def test_a_single_upload_does_not_wait_behind_another_tenants_thousand(
    acme: Tenant, globex: Tenant, new_workshop: NewWorkshop
) -> None:
    busy, small = new_workshop(acme), new_workshop(globex)
    many(busy, 1000)
    first = claimed()
    assert first.tenant_id == acme.pk
    small.upload("one.md", TEXT)
    assert claimed().tenant_id == globex.pk
    assert claimed().tenant_id == acme.pk


def test_among_equals_the_oldest_goes_first(
    acme: Tenant, globex: Tenant, new_workshop: NewWorkshop
) -> None:
    first, second = new_workshop(acme), new_workshop(globex)
    second.upload("a.md", TEXT)
    first.upload("a.md", TEXT)
    assert [claimed().tenant_id, claimed().tenant_id] == [globex.pk, acme.pk]


def test_claiming_stays_quick_with_ten_thousand_waiting(workshop: Workshop) -> None:
    found = workshop.upload("a.md", TEXT)
    with workshop.scope():
        run = IngestionRun.objects.get(document=found.document)
    operator(
        "INSERT INTO ingestion_ingestionrun (tenant_id, id, document_id, version_id, state, attempts, light,"
        " not_before, reason_code, reason, remedy, stages, chunks, chunks_done, created_at)"
        " SELECT tenant_id, uuidv7(), document_id, version_id, state, 0, false,"
        " not_before, '', '', '', '{}', 0, 0, now()"
        " FROM ingestion_ingestionrun, generate_series(1, 10000) WHERE id = %s",
        run.pk,
    )
    began = time.perf_counter()
    for _ in range(10):
        claimed()
    assert (time.perf_counter() - began) / 10 < 0.25


def test_the_heartbeat_keeps_a_lease_and_notices_its_loss(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "HEARTBEAT_SECONDS", 0.05)
    workshop.upload("a.md", TEXT)
    found = claimed()
    operator(
        "UPDATE ingestion_ingestionrun SET lease_until = now() + interval '1 s' WHERE id = %s",
        found.run_ids[0],
    )
    with work.keep(found):
        time.sleep(1.3)
        assert work.reconcile() == work.Reconciled()
        assert not found.lost.is_set()
        operator(
            "UPDATE ingestion_ingestionrun SET lease_token = NULL, lease_until = NULL WHERE id = %s",
            found.run_ids[0],
        )
        assert found.lost.wait(2)


def test_what_a_silent_worker_had_is_queued_again_and_says_so(workshop: Workshop) -> None:
    document = workshop.upload("a.md", TEXT).document
    show(claimed(), State.EMBEDDING)
    assert workshop.document(document.pk).state == "embedding"
    let_leases_lapse()
    assert work.reconcile() == work.Reconciled(requeued=1)
    row = workshop.document(document.pk)
    assert (row.state, row.reason_code) == ("queued", "worker_lost")
    assert work.claim() is None, "it waits a moment before the next attempt"
    let_delays_pass()
    work_off()
    row = workshop.document(document.pk)
    assert (row.state, row.reason) == ("ready", "")


def test_a_file_that_kills_its_worker_each_time_ends_as_poison(workshop: Workshop) -> None:
    document = workshop.upload("a.md", TEXT).document
    for attempt in range(work.MOST_ATTEMPTS):
        assert workshop.document(document.pk).state == "queued", f"before attempt {attempt + 1}"
        let_delays_pass()
        claimed()
        let_leases_lapse()
        work.reconcile()
    row = workshop.document(document.pk)
    assert (row.state, row.reason_code) == ("failed", "poison")
    assert row.reason == "The worker died 5 times while it was working on this file."
    assert row.remedy
    assert work.claim() is None


def test_attempts_count_whatever_stage_a_worker_died_in(workshop: Workshop) -> None:
    document = workshop.upload("a.md", TEXT).document
    for attempt in range(work.MOST_ATTEMPTS):
        let_delays_pass()
        found = claimed()
        if attempt % 2:
            show(found, State.EMBEDDING)
        let_leases_lapse()
        work.reconcile()
    row = workshop.document(document.pk)
    assert (row.state, row.reason_code) == ("failed", "poison")


def test_a_poisoned_neighbour_does_not_use_up_the_attempts_of_others(workshop: Workshop) -> None:
    many(workshop, 4)
    with workshop.scope():
        poison = IngestionRun.objects.get(document__external_id="2.txt").pk
    for _ in range(work.MOST_ATTEMPTS):
        while found := work.claim():
            if poison not in found.run_ids:
                pipeline.process(found)
        let_leases_lapse()
        work.reconcile()
        let_delays_pass()
    with workshop.scope():
        states = dict(Document.objects.values_list("external_id", "state"))
    assert states == {"0.txt": "ready", "1.txt": "ready", "2.txt": "failed", "3.txt": "ready"}


def test_reconciling_twice_at_once_takes_each_run_back_once(workshop: Workshop) -> None:
    many(workshop, 20, media_type=None)
    while work.claim():
        pass
    let_leases_lapse()
    start = threading.Barrier(2)
    taken: list[int] = []

    def round_() -> None:
        start.wait()
        taken.append(work.reconcile().requeued)
        connections.close_all()

    threads = [threading.Thread(target=round_) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 20


def test_writers_and_workers_in_any_order_do_not_deadlock(workshop: Workshop) -> None:
    many(workshop, 12, media_type=None)
    ends = time.monotonic() + 6
    errors: list[BaseException] = []

    def repeat(step: Callable[[int], object]) -> None:
        count = 0
        try:
            while time.monotonic() < ends:
                count += 1
                step(count)
        except BaseException as error:  # noqa: BLE001  the test reports it
            errors.append(error)
        finally:
            connections.close_all()

    def upload(count: int) -> None:
        offered = [
            documents.Upload(
                filename=f"{(n * 7 + count) % 12}.txt", content=f"{TEXT} {count % 5}".encode()
            )
            for n in range(12)
        ]
        with workshop.scope():
            documents.upload_many(collection=workshop.collection, uploads=offered)

    def delete(count: int) -> None:
        time.sleep(0.05)
        with workshop.scope():
            found = Document.objects.filter(deleted_at=None)[count % 12 : count % 12 + 1]
            for document in found:
                documents.delete(document=document)

    def lapse(_: int) -> None:
        time.sleep(0.2)
        let_leases_lapse()
        work.reconcile()
        let_delays_pass()

    steps = [upload, upload, delete, lapse, lambda _: work_off(), lambda _: work_off()]
    threads = [threading.Thread(target=repeat, args=(step,)) for step in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    let_leases_lapse()
    work.reconcile()
    for _ in range(work.MOST_ATTEMPTS):
        let_delays_pass()
        work_off()
    with workshop.scope():
        rows = Document.objects.filter(deleted_at=None)
        assert set(rows.values_list("state", flat=True)) <= {"ready", "failed"}
        for row in rows.filter(state="ready"):
            assert len(workshop.current_texts(row)) == 1


def test_the_plans_hold_for_a_tenant_that_the_statistics_do_not_know(
    acme: Tenant, globex: Tenant, new_workshop: NewWorkshop
) -> None:
    """Joins by the whole key, never over all rows of the tenant times all rows of the tenant."""
    many(new_workshop(globex), 300)
    with connections["owner"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ANALYZE {table}")
    found = batch_of(acme, new_workshop)
    with tenant_scope(platform_principal(acme.pk)), connection.cursor() as cursor:
        plans = plans_of(cursor, found)
    # A scan of the tenant's 300 rows is no harm; one for each of the 64 runs is.
    assert {
        name: wasted for name, plan in plans.items() if (wasted := wasted_rows(plan)) > 1500
    } == {}


def test_the_plans_hold_in_a_database_that_was_never_analysed(
    acme: Tenant, new_workshop: NewWorkshop
) -> None:
    """As in the first minute of an installation, when somebody uploads thousands at once."""
    found = batch_of(acme, new_workshop)
    with transaction.atomic("owner"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT set_config('app.tenant_id', %s, true), set_config('app.reads_all', 'on', true)",
            [str(acme.pk)],
        )
        for table in TABLES:
            cursor.execute("SELECT pg_clear_relation_stats('public', %s)", [table])
            cursor.execute(
                "SELECT pg_clear_attribute_stats('public', %s, attname, false) FROM pg_attribute"
                " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [table, table],
            )
        plans = plans_of(cursor, found)
        transaction.set_rollback(True, "owner")
    # Which index is taken for one row is then left to chance; but nothing is looked up once for each row of the tenant.
    assert {name: most for name, plan in plans.items() if (most := most_loops(plan)) > 64} == {}


TABLES = [
    f"ingestion_{name}" for name in ("ingestionrun", "document", "documentversion", "storedfile")
]


def batch_of(tenant: Tenant, new_workshop: NewWorkshop) -> Claim:
    many(new_workshop(tenant), 300)
    found = claimed()
    while found.tenant_id != tenant.pk:
        found = claimed()
    return found


def plans_of(cursor: CursorWrapper, found: Claim) -> dict[str, dict[str, Any]]:
    """Of every statement that joins, or goes to many rows by their ids: how it went."""
    values: dict[str, Any] = {"tenant": found.tenant_id, "runs": found.run_ids}
    values["token"] = found.token
    cursor.execute(claims.SQL["jobs"], values)
    names = [column.name for column in cursor.description]
    jobs = [dict(zip(names, map(str, row), strict=True)) for row in cursor.fetchall()]
    assert len(jobs) == len(found.run_ids) == work.BATCH
    rows = {
        "publish_versions": [{"version": one["version_id"], **EMPTY_VERSION} for one in jobs],
        "publish_documents": [{"document": one["document_id"], **EMPTY_DOCUMENT} for one in jobs],
        "finish_runs": [{"run": one["run_id"], "chunks": 0, "stages": {}} for one in jobs],
    }
    statements = {
        "jobs": claims.SQL["jobs"],
        "lock_documents": progress.SQL["lock_documents"],
        "show_on_document": work.SQL["show_on_document"],
        "still_ours": publication.SQL["still_ours"],
        **{name: publication.SQL[name] for name in rows},
    }
    plans = {}
    for name, statement in statements.items():
        given = {**values, "rows": Jsonb(rows.get(name))}
        cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, given)
        plans[name] = cursor.fetchone()[0][0]["Plan"]
    return plans


EMPTY_VERSION = {
    **dict.fromkeys(("title", "text", "media_type", "parser"), ""),
    **{name: [] for name in ("page_spans", "blocks", "warnings")},
}
EMPTY_DOCUMENT = {"title": "a", "media_type": "", "chunks": 0, "metadata": {}}


def most_loops(plan: dict[str, Any]) -> int:
    """How often the part that was run most often was run."""
    return max([int(plan["Actual Loops"]), *(most_loops(part) for part in plan.get("Plans", []))])


def wasted_rows(plan: dict[str, Any]) -> int:
    """Rows that a plan read, or joined, only to throw them away."""
    own = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)
    loops = int(plan["Actual Loops"])
    return int(own) * loops + sum(wasted_rows(part) for part in plan.get("Plans", []))
