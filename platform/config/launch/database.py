"""Using the embedded Postgres of a home: ``use(home)`` starts it when need be and keeps it for this process."""

import fcntl
import os
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg
from psycopg.conninfo import make_conninfo

from config.launch import credentials, roles
from config.launch.credentials import Credentials
from config.launch.errors import DatabaseFailed, EmbeddedRefused
from config.launch.home import REPOSITORY, Home, try_lock
from config.launch.server import SUPERUSER, socket_folder

DATABASE = "footnote"
# A crash in the middle of a large import is replayed before the server answers.
START_SECONDS = 600
GUARD_STARTS = 10


@dataclass
class Database:
    """The running database; this process is one of its users until ``release`` or its end."""

    home: Home
    credentials: Credentials
    users: IO[str]

    def superuser(self, database: str = DATABASE) -> str:
        """A connection string of the one superuser: for making roles and databases, never at run time."""
        return make_conninfo(
            host=str(socket_folder(self.home)),
            user=SUPERUSER,
            password=self.credentials.superuser,
            dbname=database,
        )

    def url(self, role: str, database: str = DATABASE) -> str:
        """The URL by which ``role`` connects. Passwords need no quoting (see ``credentials``)."""
        password = self.passwords().by_role()[role]
        return f"postgresql://{role}:{password}@/{database}?host={socket_folder(self.home)}"

    def passwords(self) -> roles.Passwords:
        kept = self.credentials
        return roles.Passwords(kept.owner, kept.app, kept.operator, kept.backup, kept.queue)

    def bootstrap(self, database: str = DATABASE) -> None:
        """Roles, grants and queue of one database. Raises DatabaseFailed."""
        try:
            roles.bootstrap(self.superuser("postgres"), database, self.passwords())
        except psycopg.Error as error:
            raise DatabaseFailed(f"The roles could not be made: {error}") from error

    def ensure_guarded(self) -> None:
        """Starts a guard when there is none (the first start, or it was killed)."""
        if not guarded(self.home):
            _start_guard(self.home)

    def release(self, seconds: float = 30) -> None:
        """Ends the use and waits until the server is down, or another user is found to keep it."""
        self.users.close()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and guarded(self.home) and not _used(self.home):
            time.sleep(0.05)


def use(home: Home) -> Database:
    """The database of ``home``, started if need be and answering; ``home`` is prepared.

    Raises EmbeddedRefused in production and DatabaseFailed with the server's own words.
    """
    if os.environ.get("FOOTNOTE_ENV") == "production":
        raise EmbeddedRefused(
            "FOOTNOTE_ENV is production, which does not use the embedded Postgres:"
            " set DATABASE_URL and MIGRATION_DATABASE_URL."
        )
    database = Database(home, credentials.load(home), home.open_lock("users"))
    try:
        fcntl.flock(database.users, fcntl.LOCK_SH)  # waits for a server that is stopping
        with home.open_lock("start") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            _wait(database)
    except BaseException:  # also a Ctrl-C: a database that nobody got is not used
        database.users.close()
        raise
    return database


def guarded(home: Home) -> bool:
    """Whether a guard is at work. Asks for a shared lock, so that two who ask do not take each other for a guard."""
    with closing(home.open_lock("guard")) as file:
        return not try_lock(file, shared=True)


def _used(home: Home) -> bool:
    """Whether others share the lock; the guard's own, exclusive one (it is stopping the server) does not count."""
    with closing(home.open_lock("users")) as file:
        return try_lock(file, shared=True) and not try_lock(file)


def _start_guard(home: Home) -> None:
    (home.run / "guard.failed").unlink(missing_ok=True)
    environment = {
        **os.environ,
        "FOOTNOTE_HOME": str(home.path),
        "PYTHONPATH": str(REPOSITORY / "platform"),
    }
    with (home.log / "db.log").open("ab") as log:
        subprocess.run(
            [sys.executable, "-m", "config.launch.guard"],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=True,
        )


def _wait(database: Database) -> None:
    home, deadline, starts = database.home, time.monotonic() + START_SECONDS, 0
    while time.monotonic() < deadline:
        if (home.run / "guard.failed").exists():
            raise DatabaseFailed((home.run / "guard.failed").read_text(encoding="utf-8"))
        # The guard of an earlier user may just be ending: its lock tells, and then another one is needed.
        if not guarded(home):
            starts += 1
            if starts > GUARD_STARTS:
                break
            _start_guard(home)
            time.sleep(0.2)
        if _answers(database):
            return
        time.sleep(0.05)
    raise DatabaseFailed(f"Postgres did not start: {_last_words(home.log / 'db.log')}")


def _answers(database: Database) -> bool:
    try:
        psycopg.connect(database.superuser("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return " | ".join(lines[-5:])
