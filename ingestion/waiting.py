"""Waiting for documents from the shell, and doing the work here when no worker does it.

``wait`` yields a ``Standing`` about twice a second until every document has ended. When work lies untouched for
``PATIENCE`` seconds and no lease is held anywhere, the work is done in this process, in a thread of its own.
"""

import logging
import threading
import time
from collections.abc import Collection as Sized
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connections
from django.db.models import Sum

from ingestion import pipeline, work
from ingestion.models import TERMINAL, Document, IngestionRun, State
from tenants.scope import Principal, tenant_scope

PATIENCE = 3.0
POLL_SECONDS = 0.5
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """How far a set of documents is."""

    total: int
    ready: int = 0
    failed: int = 0
    chunks: int = 0
    working_here: bool = False
    under_way: list[tuple[str, str, int | None, int, int]] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Documents that have ended, well or badly."""
        return self.ready + self.failed


def wait(ids: Sized[UUID], principal: Principal) -> Iterator[Standing]:
    """Yield until all documents are ready or failed."""
    helper = _Helper()
    try:
        while True:
            standing = _standing(ids, principal, working_here=helper.is_working)
            yield standing
            if standing.done >= standing.total:
                return
            helper.step_in_if_needed()
            time.sleep(POLL_SECONDS)
    finally:
        helper.stop()


def _standing(ids: Sized[UUID], principal: Principal, *, working_here: bool) -> Standing:
    with tenant_scope(principal):
        rows = Document.objects.filter(id__in=list(ids))
        states = dict.fromkeys(State.values, 0)
        for state in rows.values_list("state", flat=True):
            states[state] += 1
        chunks = rows.filter(state=State.READY).aggregate(chunks=Sum("chunks"))["chunks"] or 0
        runs = IngestionRun.objects.filter(document_id__in=list(ids), lease_until__isnull=False)
        under_way = runs.exclude(state__in=TERMINAL).values_list(
            "document__external_id", "state", "pages", "chunks_done", "chunks"
        )
        return Standing(
            total=len(ids),
            ready=states[State.READY],
            failed=states[State.FAILED] + len(ids) - sum(states.values()),
            chunks=chunks,
            working_here=working_here,
            under_way=list(under_way[:20]),
        )


def failures(ids: Sized[UUID], principal: Principal) -> list[Document]:
    """Those of the documents that have failed, by name."""
    with tenant_scope(principal):
        failed = Document.objects.filter(id__in=list(ids), state=State.FAILED)
        return list(failed.order_by("external_id"))


class _Helper:
    """Works the queue off in this process once nobody else does."""

    def __init__(self) -> None:
        self._idle_since = time.monotonic()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_working(self) -> bool:
        return self._thread is not None

    def step_in_if_needed(self) -> None:
        if self._thread is not None:
            return
        if work.is_any_under_way() or not work.is_any_due():
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > PATIENCE:
            self._thread = threading.Thread(target=self._work, name="ingest", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let the batch that is under way end, so that nobody waits for its lease."""
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        try:
            while not self._done.is_set():
                work.reconcile()
                claimed = work.claim()
                if claimed is None:
                    self._done.wait(1.0)
                else:
                    pipeline.process(claimed)
        finally:
            connections.close_all()
