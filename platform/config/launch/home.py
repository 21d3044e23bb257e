"""FOOTNOTE_HOME: the folder that holds everything of the embedded run.

postgres/   data/ and socket/, owned by the user that runs the server (a link when that user cannot reach the home)
secrets/    passwords and keys, mode 0600
log/        web, worker, beat and db, rotated by size
run/        locks, pid files, the scheduler's state
demo.json   how to sign in to the demo tenant
"""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from config.launch.errors import CannotWrite

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Home:
    """The folder; ``prepare`` makes it. Paths are absolute."""

    path: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """FOOTNOTE_HOME, else ``.footnote`` in the repository."""
        named = os.environ.get("FOOTNOTE_HOME")
        return cls(Path(named).expanduser().resolve() if named else REPOSITORY / ".footnote")

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def demo(self) -> Path:
        return self.path / "demo.json"

    def prepare(self) -> None:
        """Makes the folders, private to their owner. Raises CannotWrite."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            # Root's server runs as another user, who must be able to pass through, but not to list.
            self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            for folder in (self.secrets, self.log, self.run):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
            self._try_writing()
        except OSError as error:
            raise CannotWrite.because(error, self.path) from error

    def _try_writing(self) -> None:
        """A full disk still makes folders: only real bytes on the disk tell."""
        probe = self.run / "probe"
        with probe.open("wb") as file:
            file.write(b"0" * 65_536)
            file.flush()
            os.fsync(file.fileno())
        probe.unlink()

    def open_lock(self, name: str) -> IO[str]:
        """A file in ``run/`` to be locked with ``flock``; its descriptor is not inherited."""
        return (self.run / f"{name}.lock").open("a+", encoding="utf-8")


def try_lock(file: IO[str], *, shared: bool = False) -> bool:
    """Takes the lock when it is free; False at once when somebody holds it."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
