"""Whether a worker and a scheduler are alive, known from the database, whatever the broker.

Each holds a shared advisory lock on a connection of its own, which Postgres drops when the process ends or its machine
is lost. ``alive`` costs one query on the locks in memory.
"""

import logging
import os
import socket
import sys
import threading
import time
import zlib
from typing import Any

import psycopg
from django.db import connection

WORKER, SCHEDULER = "worker", "scheduler"
# The first key of our advisory locks: what sort of process; the second one is the machine.
_KINDS = {WORKER: 0x666E_0001, SCHEDULER: 0x666E_0002}
PULSE_SECONDS = 5.0

_HELD = """
    SELECT EXISTS (
      SELECT FROM pg_locks
       WHERE locktype = 'advisory' AND granted AND classid = %s
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (%s::bigint IS NULL OR objid = %s::bigint))"""

_log = logging.getLogger(__name__)


def hold(kind: str) -> None:
    """Announces this process as ``kind`` until it ends, from a background thread; reconnects for ever."""
    threading.Thread(target=_hold, args=(kind,), name=f"liveness-{kind}", daemon=True).start()


def alive(kind: str) -> bool:
    """Whether any ``kind`` process lives, on whichever machine."""
    with connection.cursor() as cursor:
        return _held(cursor, kind, None)


def _held(cursor: Any, kind: str, machine: str | None) -> bool:
    number = None if machine is None else _number(machine)
    cursor.execute(_HELD, [_KINDS[kind], number, number])
    row = cursor.fetchone()
    return bool(row and row[0])


def _number(machine: str) -> int:
    return zlib.crc32(machine.encode()) & 0x7FFF_FFFF


def _hold(kind: str) -> None:
    while True:
        try:
            _pulse(kind)
        except psycopg.Error as error:
            _log.warning("The database cannot be told that this %s is alive: %s", kind, error)
            time.sleep(PULSE_SECONDS / 5)


def _pulse(kind: str) -> None:
    """Holds the lock until the connection breaks. The query keeps proxies from closing an idle connection."""
    with connect(kind) as held:
        while True:
            held.execute("SELECT 1")
            time.sleep(PULSE_SECONDS)


def connect(kind: str) -> psycopg.Connection:
    """A connection that says, as long as it is open, that a ``kind`` process lives on this machine."""
    held = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5)
    held.execute("SELECT set_config('application_name', %s, false)", [f"footnote-{kind}"])
    held.execute(
        "SELECT pg_advisory_lock_shared(%s, %s)", [_KINDS[kind], _number(socket.gethostname())]
    )
    return held


if __name__ == "__main__":  # a container's health check: python -m config.liveness worker
    with psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5) as own:
        sys.exit(not _held(own.cursor(), sys.argv[1], socket.gethostname()))
