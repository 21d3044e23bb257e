"""A folder of this machine, below one that the operator has opened (FOOTNOTE_SOURCE_FOLDERS).

Links are followed nowhere: folders are entered and files opened one name at a time from the root's descriptor, without
links, so that a folder that is exchanged for a link between listing and reading leads nowhere either.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings

from ingestion.fetching import FetchError
from ingestion.models import Source
from ingestion.storage import fingerprint
from ingestion.syncing import globs
from ingestion.syncing.kind import (
    Answer,
    ConfigError,
    Content,
    Field,
    Gone,
    Kind,
    Known,
    Listed,
    Setup,
    SyncError,
)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
DEEPEST = 40


def allowed_root(text: str) -> Path:
    """The folder with its links resolved. Raises ConfigError unless it is below one that the operator has opened."""
    roots: list[Path] = settings.SOURCE_FOLDERS
    if not roots:
        raise ConfigError(
            "path",
            "Folders cannot be read here. Ask whoever runs this Footnote to set FOOTNOTE_SOURCE_FOLDERS.",
        )
    given = Path(text)
    found = given.resolve() if given.is_absolute() else None
    if found is None or not any(found.is_relative_to(root) for root in roots):
        raise ConfigError(
            "path", "Give the absolute path of a folder that whoever runs this Footnote has opened."
        )
    return found


class Folder:
    """The files below a folder."""

    def __init__(self, setup: Setup) -> None:
        try:
            self._path = allowed_root(setup.config["path"])
            self._root = os.open(self._path, _FOLDER)
        except ConfigError as error:
            raise SyncError("folder_not_allowed", error.message) from error
        except OSError as error:
            raise SyncError(
                "folder_unreadable",
                f"The folder cannot be read: {error.strerror}.",
                "Check that it exists and that Footnote may read it.",
                retryable=True,
            ) from error
        self._config = setup.config
        self.complete = True
        self.memory: dict[str, Any] = {}
        self.troubles: list[tuple[str, SyncError | FetchError]] = []

    def listing(self) -> Iterator[Listed]:
        yield from self._below(self._root, "")

    def fetch(self, listed: Listed, known: Known | None) -> Answer:
        relative = listed.key.partition("/")[2]
        try:
            file = self._open(relative)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
                raise Gone("gone", "The file is not there any more.") from error
            raise SyncError(
                "unreadable", f"The file cannot be read: {error.strerror}.", "Let Footnote read it."
            ) from error
        return _content(file, relative)

    def close(self) -> None:
        os.close(self._root)

    def _below(self, folder: int, prefix: str) -> Iterator[Listed]:
        """Depth first, by name."""
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            path = prefix + entry.name
            if entry.name.startswith(".") or not _is_text(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._inside(folder, entry.name, path)
            elif entry.is_file(follow_symlinks=False) and self._wanted(path):
                yield Listed(
                    f"{self._path.name}/{path}", _marker(entry.stat(follow_symlinks=False))
                )

    def _inside(self, folder: int, name: str, path: str) -> Iterator[Listed]:
        if path.count("/") >= DEEPEST or not self._config["subfolders"]:
            return
        try:
            inner = os.open(name, _FOLDER, dir_fd=folder)
        except OSError as error:
            self.complete = False
            trouble = SyncError("unreadable", f"The folder cannot be read: {error.strerror}.")
            self.troubles.append((path, trouble))
            return
        try:
            yield from self._below(inner, f"{path}/")
        finally:
            os.close(inner)

    def _wanted(self, path: str) -> bool:
        return globs.wanted(path, self._config["include"], self._config["exclude"])

    def _open(self, relative: str) -> BinaryIO:
        *folders, name = relative.split("/")
        current = os.dup(self._root)
        try:
            for folder in folders:
                inner = os.open(folder, _FOLDER, dir_fd=current)
                os.close(current)
                current = inner
            opened = os.open(name, _FILE, dir_fd=current)
        finally:
            os.close(current)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise OSError(errno.ENOENT, "not a file")
        return os.fdopen(opened, "rb")


def _content(file: BinaryIO, relative: str) -> Content:
    found = fingerprint(file)
    return Content(
        body=file,
        filename=relative.rsplit("/", 1)[-1],
        sha256=found.sha256,
        size=found.size,
        metadata={"path": relative},
    )


def _marker(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def _is_text(path: str) -> bool:
    """Names that are no UTF-8 cannot be stored."""
    try:
        return bool(path.encode())
    except UnicodeEncodeError:
        return False


def _check(config: Mapping[str, Any]) -> None:
    if not allowed_root(config["path"]).is_dir():
        raise ConfigError("path", "There is no such folder on this machine.")


KIND = Kind(
    name=Source.Kind.FOLDER,
    label="Folder",
    help="The files of a folder of the machine that Footnote runs on.",
    fields=(
        Field("path", "Path", help="Absolute, such as /srv/documents/handbook.", required=True),
        Field(
            "include",
            "Only these",
            "lines",
            [],
            "Patterns, one a line, such as *.pdf or reports/**. Empty: all.",
        ),
        Field("exclude", "Not these", "lines", [], "Patterns, one a line."),
        Field("subfolders", "Subfolders too", "flag", True),
    ),
    open=Folder,
    check=_check,
    available=lambda: bool(settings.SOURCE_FOLDERS),
)
