"""One embedded Postgres: made, started, watched and stopped. Only ``guard`` calls this; everybody else connects.

A cluster is made aside and renamed into place, so a kill in the middle leaves nothing half made. The server listens
on a unix socket in a folder that only its user can enter, every role signs in with a password (SCRAM), and there is
no TCP.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.launch.binaries import SHELTER, Account, program_folder, server_account
from config.launch.credentials import Credentials
from config.launch.errors import DatabaseFailed
from config.launch.home import Home
from config.launch.tuning import server_options

SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"
# The longest address of a unix socket, less the lock file's suffix that Postgres puts after it.
LONGEST_SOCKET = 100
FAST, IMMEDIATE = signal.SIGINT, signal.SIGQUIT


def postgres_folder(home: Home) -> Path:
    """The folder with ``data`` and ``socket``; makes it where the server's user can reach it."""
    account, folder = server_account(), home.postgres
    if folder.exists():
        return folder.resolve()
    if folder.is_symlink():
        raise DatabaseFailed(
            f"{folder} points to {folder.readlink()}, which is gone: remove it to start empty."
        )
    if account.reaches(home.path):
        _make_private(folder, account)
        return folder
    shelter = SHELTER / f"home-{hashlib.sha256(bytes(home.path)).hexdigest()[:12]}"
    # Its home was deleted: a new home of that name starts empty.
    shutil.rmtree(shelter, ignore_errors=True)
    SHELTER.mkdir(parents=True, exist_ok=True)
    _make_private(shelter, account)
    folder.symlink_to(shelter)
    return shelter


def socket_folder(home: Home) -> Path:
    """Beside the data, or in a short folder below the temporary one when that path is too long for a socket."""
    folder = home.postgres.resolve() / "socket"
    if len(bytes(folder / SOCKET)) <= LONGEST_SOCKET:
        return folder
    key = hashlib.sha256(bytes(home.path)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"footnote-{key}"
    return short if len(bytes(short / SOCKET)) <= LONGEST_SOCKET else Path("/tmp") / short.name  # noqa: S108


def _make_private(folder: Path, account: Account) -> None:
    """A folder of the server's user that nobody else can enter. Refuses one that somebody else made."""
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    state = folder.lstat()
    if folder.is_symlink() or state.st_uid != account.uid:
        raise DatabaseFailed(f"{folder} belongs to somebody else: remove it.")
    folder.chmod(0o700)


@dataclass
class Server:
    """The server of one home."""

    home: Home
    credentials: Credentials
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.home.postgres.resolve() / "data"

    def ensure_made(self) -> None:
        """Makes the cluster on the first start. Raises DatabaseFailed with initdb's own words."""
        folder = postgres_folder(self.home)
        if (folder / "data").exists():
            return
        part = folder / "data.part"
        shutil.rmtree(part, ignore_errors=True)
        made = self._initdb(folder, part)
        if made.returncode != 0:
            raise DatabaseFailed(f"The database could not be made: {made.stderr.strip()}")
        part.rename(folder / "data")

    def _initdb(self, folder: Path, data: Path) -> subprocess.CompletedProcess[str]:
        account, password = server_account(), folder / "initial-password"
        password.touch(mode=0o600)
        os.chown(password, account.uid, account.gid)
        password.write_text(self.credentials.superuser)
        try:
            return account.run(
                program_folder() / "initdb",
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # Sorts the same on every machine and after every upgrade of the system.
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
                "--no-instructions",
            )
        finally:
            password.unlink()

    def pid(self) -> int | None:
        """The running server of this cluster, whoever started it; None when there is none."""
        if self.process is not None:
            return self.process.pid if self.process.poll() is None else None
        process = self._noted_process()
        return process.pid if process is not None and self._is_ours(process) else None

    def _noted_process(self) -> psutil.Process | None:
        """The living process whose number stands in the pid file: our server's, unless the number was given anew."""
        try:
            noted = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
            return psutil.Process(int(noted))
        except (OSError, ValueError, IndexError, psutil.Error):
            return None

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            alive = process.status() != psutil.STATUS_ZOMBIE
            return alive and process.name() == "postgres" and process.cwd() == str(self.data)
        except psutil.Error:
            return False

    def _forget_recycled_pid(self) -> None:
        """Postgres would take another program with the noted number for itself. A dead number is left to Postgres:
        with the file it checks that no orphan of the old server still writes."""
        process = self._noted_process()
        if process is not None and not self._is_ours(process):
            (self.data / "postmaster.pid").unlink()

    def start(self) -> None:
        """Starts the server, or adopts the one that a killed guard left running. Raises DatabaseFailed."""
        if not server_account().reaches(self.data.parent):
            raise DatabaseFailed(
                f"The user {server_account().name}, as whom root's Postgres runs, can no longer reach {self.data}:"
                " let others pass through the folders above it (chmod o+x)."
            )
        _make_private(socket_folder(self.home), server_account())
        self.process = None
        if self.pid() is not None:
            return
        self._forget_recycled_pid()
        with (self.home.log / "db.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program_folder() / "postgres", "-D", self.data, *self._options()],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A Ctrl-C at the terminal is for bin/up, which stops the database last.
                start_new_session=True,
                **server_account().identity(),
            )

    def _options(self) -> list[str]:
        options = server_options() | {
            "listen_addresses": "",
            "unix_socket_directories": str(socket_folder(self.home)),
            "unix_socket_permissions": "0700",
        }
        return [f"--{name}={value}" for name, value in options.items()]

    def running(self) -> bool:
        """Whether the server that was started or adopted still runs."""
        return self.pid() is not None

    def serves(self) -> bool:
        """Whether it has got so far as to take connections: its pid file says so, behind its own number.

        Format: src/include/utils/pidfile.h of PostgreSQL, lines 1 and 8.
        """
        try:
            lines = (self.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            return lines[0] == str(self.pid()) and lines[7].strip() == "ready"
        except (OSError, IndexError):
            return False

    def stop(self, seconds: float = 20) -> None:
        """Fast shutdown; immediate shutdown when that takes too long (the next start then replays the log)."""
        self._end(seconds)
        short = socket_folder(self.home)
        if short.parent != self.data.parent:
            with suppress(OSError):
                short.rmdir()

    def _end(self, seconds: float) -> None:
        for kind in (FAST, IMMEDIATE, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                return
            os.kill(pid, kind)
            if self._gone(seconds):
                return

    def _gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running():
                return True
            time.sleep(0.02)
        return False
