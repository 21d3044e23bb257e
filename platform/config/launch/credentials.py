"""Passwords and keys of the embedded run: made once, at random, kept in ``secrets/credentials.json`` (mode 0600)."""

import base64
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from config.launch.errors import CannotWrite, DatabaseFailed
from config.launch.home import Home


def _password() -> str:
    return secrets.token_urlsafe(24)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@dataclass(frozen=True)
class Credentials:
    """One password per database role, and the application's two keys. Letters, digits, ``-`` and ``_`` only, so that
    URLs need no quoting."""

    superuser: str = field(default_factory=_password, repr=False)
    owner: str = field(default_factory=_password, repr=False)
    app: str = field(default_factory=_password, repr=False)
    operator: str = field(default_factory=_password, repr=False)
    backup: str = field(default_factory=_password, repr=False)
    queue: str = field(default_factory=_password, repr=False)
    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    encryption_key: str = field(default_factory=_fernet_key, repr=False)


def load(home: Home) -> Credentials:
    """Reads the credentials; makes them on the first start.

    Raises DatabaseFailed when they are lost while a database made with them is there, CannotWrite when they cannot
    be kept.
    """
    path = home.secrets / "credentials.json"
    try:
        with home.open_lock("credentials") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            return _read(path) if path.exists() else _make(home, path)
    except OSError as error:
        raise CannotWrite.because(error, path) from error


def _read(path: Path) -> Credentials:
    kept = json.loads(path.read_text(encoding="utf-8"))
    credentials = Credentials(**kept)
    if asdict(credentials) != kept:  # a later version of Footnote asks for one more
        _write(path, credentials)
    return credentials


def _make(home: Home, path: Path) -> Credentials:
    if (home.postgres / "data").exists():
        raise DatabaseFailed(
            f"{home.path} holds a database, but {path} is gone: put the file back, or move the folder away."
        )
    credentials = Credentials()
    _write(path, credentials)
    return credentials


def _write(path: Path, credentials: Credentials) -> None:
    """Whole or not at all: a kill in the middle leaves the old state."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(credentials), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
