"""The process that owns the embedded Postgres: it serves for as long as anybody uses it.

Whoever uses the database (``bin/up``, ``bin/manage``, ``bin/test``) holds a shared lock on ``run/users.lock``, which
the kernel releases when that process ends, however it ends. The guard starts the server, restarts it when it crashes,
and stops it in fast mode once it gets that lock for itself. So the database's life is tied to its users together and
to none of them alone, nothing is left behind by ``kill -9``, and a guard that is killed itself is replaced by the
next one, which adopts the running server.

Run as ``python -m config.launch.guard`` with FOOTNOTE_HOME set. Why it failed is in ``run/guard.failed``.
"""

import fcntl
import os
import shutil
import signal
import sys
import time
from types import FrameType

from config.launch import credentials
from config.launch.errors import DatabaseFailed, LaunchError
from config.launch.home import Home, try_lock
from config.launch.server import Server

TICK_SECONDS = 0.2
LOG_BYTES = 10 * 1024 * 1024
# Backends that outlive a killed server keep the next one from starting until they are gone.
STARTS_IN_VAIN, LONGEST_PAUSE = 8, 1.0


def main() -> int:
    """Guards until nobody uses the database, as nobody's child; the process that was called returns at once."""
    if os.fork():
        return 0
    home = Home.from_environment()
    failure = home.run / "guard.failed"
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # One guard per home: another one waits here until this one has stopped its server.
    with home.open_lock("guard") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            failure.unlink(missing_ok=True)
            _guard(home)
        except (LaunchError, OSError) as error:
            failure.write_text(str(error), encoding="utf-8")
            return 1
    return 0


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def _guard(home: Home) -> None:
    server = Server(home, credentials.load(home))
    with home.open_lock("users") as users:
        server.ensure_made()
        server.start()
        try:
            _serve(server, home, users)
        finally:
            server.stop()


def _serve(server: Server, home: Home, users: object) -> None:
    """Until nobody uses it. One that has served is started again at once, however often it crashes. Raises
    DatabaseFailed when none of several starts gets that far."""
    in_vain, served = 0, False
    while not try_lock(users):  # type: ignore[arg-type]
        time.sleep(TICK_SECONDS)
        _rotate(home)
        if server.running():
            served = served or server.serves()
            continue
        in_vain = 0 if served else in_vain + 1
        if in_vain >= STARTS_IN_VAIN:
            raise DatabaseFailed(f"Postgres stopped {in_vain} times: see {home.log / 'db.log'}")
        time.sleep(min(LONGEST_PAUSE, TICK_SECONDS * 2**in_vain))
        served = False
        server.start()


def _rotate(home: Home) -> None:
    """Copies the log aside and empties it: the server keeps its file open, for appending."""
    log = home.log / "db.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


if __name__ == "__main__":
    sys.exit(main())
