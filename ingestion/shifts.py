"""How a worker shares its threads out: nobody waits behind another tenant's ten thousand documents.

One tenant's batches take all threads of a process but one, so a thread is always left for whoever comes next. A shift
ends after a few seconds even when there is more to do, so that other kinds of tasks get their turn as well.
"""

import threading
import time
from collections import Counter
from uuid import UUID

from ingestion import pipeline, wake, work
from ingestion.work import Claim

SHIFT_SECONDS = 5.0
# How long one thread of a worker computes while another wants to; Python's 5 ms add up over the thirty statements of a
# single upload.
SWITCH_SECONDS = 0.001
_lock = threading.Lock()
_running: Counter[UUID] = Counter()


def work_shift(*, threads: int) -> int:
    """Claim and work off batches for a while; how many. ``threads``: how many shifts this process can hold.

    Wakes at most one more shift at its beginning and one in its own place at its end, so that messages cannot multiply.
    """
    ends = time.monotonic() + SHIFT_SECONDS
    batches = 0
    while claimed := _claim(threads):
        if not batches and work.is_any_due():
            wake.now()
        batches += 1
        try:
            pipeline.process(claimed)
        finally:
            _leave(claimed)
        if time.monotonic() > ends:
            if work.is_any_due():
                wake.now()
            break
    return batches


def _claim(threads: int) -> Claim | None:
    """The fairest batch of a tenant that has not got its share of this process's threads already."""
    with _lock:
        full = [tenant for tenant, count in _running.items() if count >= max(1, threads - 1)]
        claimed = work.claim(without=full)
        if claimed is not None:
            _running[claimed.tenant_id] += 1
        return claimed


def _leave(claimed: Claim) -> None:
    with _lock:
        _running[claimed.tenant_id] -= 1
        if not _running[claimed.tenant_id]:
            del _running[claimed.tenant_id]
