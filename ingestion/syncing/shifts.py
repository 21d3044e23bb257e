"""Threads for looking at sources: they wait for other people's servers, so they are not the pool's.

``start`` lets up to ``MOST_THREADS`` threads of this process work off what is due; a thread that finds nothing ends.
The pool's threads stay free for ingestion, however slow a site is.
"""

import threading

from django.db import connections

from ingestion.syncing import engine, work

MOST_THREADS = 4
_lock = threading.Lock()
_running = 0


def start() -> bool:
    """Begin another thread, unless there are enough of them already."""
    global _running
    with _lock:
        if _running >= MOST_THREADS:
            return False
        _running += 1
    threading.Thread(target=_work, name="sync", daemon=True).start()
    return True


def work_off() -> int:
    """Look at every source that is due, in this thread; how many runs there were."""
    count = 0
    while claimed := work.claim():
        engine.run(claimed)
        count += 1
    return count


def _work() -> None:
    global _running
    try:
        while claimed := work.claim():
            if work.is_any_due():
                start()
            engine.run(claimed)
    finally:
        with _lock:
            _running -= 1
        connections.close_all()
