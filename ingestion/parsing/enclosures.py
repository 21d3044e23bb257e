"""Files found inside a file, which become documents of their own: attachments, members of an archive.

A parser calls ``Source.enclosures.add`` as it comes upon them; each is written to a numbered file in a folder that the
caller of ``sandbox.parse`` gave. Their names are carried as text and never used as paths. What cannot be taken is
kept with its reason, so that it can be shown.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from ingestion.cleaning import clean_line

MIB = 1024 * 1024
_NAME_CHARS = 1000
_BLOCK = MIB


@dataclass(frozen=True, slots=True)
class Enclosed:
    """One file inside another; ``problem`` says why its bytes were not kept, or is empty."""

    name: str
    media_type: str = ""
    size: int = 0
    path: Path | None = None
    problem: str = ""


class TooManyEnclosed(Exception):
    """There are more files inside, or larger ones, than may be taken; the message says which."""


@dataclass(slots=True)
class Enclosures:
    """Collects what a parser finds inside its file, up to limits on count and bytes."""

    folder: Path | None = None
    most: int = 2000
    most_bytes: int = 1024 * MIB
    each_bytes: int = 100 * MIB
    found: list[Enclosed] = field(default_factory=list)
    _bytes: int = 0

    def add(self, name: str, content: bytes | IO[bytes], media_type: str = "") -> None:
        """Keep one file. One that is too large is refused alone. Raises TooManyEnclosed."""
        if len(self.found) >= self.most:
            raise TooManyEnclosed(f"it holds more than {self.most:,} files")
        reader = io.BytesIO(content) if isinstance(content, bytes) else content
        name = clean_line(name.replace("\0", ""), _NAME_CHARS) or "unnamed"
        path = self.folder / f"{len(self.found):06}" if self.folder else None
        size = self._keep(reader, path)
        if size > self.each_bytes:
            problem = f"It is larger than {self.each_bytes / MIB:,.0f} MB."
            self.found.append(Enclosed(name, media_type, size, None, problem))
        else:
            self.found.append(Enclosed(name, clean_line(media_type, 150), size, path))

    def refuse(self, name: str, problem: str) -> None:
        """Say that there is a file inside that cannot be taken. Raises TooManyEnclosed."""
        if len(self.found) >= self.most:
            raise TooManyEnclosed(f"it holds more than {self.most:,} files")
        name = clean_line(name.replace("\0", ""), _NAME_CHARS) or "unnamed"
        self.found.append(Enclosed(name, problem=problem))

    def clear(self) -> None:
        """Forget everything: the file as a whole is refused."""
        self.found.clear()

    def to_json(self) -> list[dict[str, Any]]:
        """For the child's answer; files are known by their number."""
        return [asdict(one) | {"path": one.path is not None} for one in self.found]

    def _keep(self, reader: IO[bytes], path: Path | None) -> int:
        size = 0
        with path.open("wb") if path else io.BytesIO() as copy:
            while block := reader.read(_BLOCK):
                size += len(block)
                self._bytes += len(block)
                if self._bytes > self.most_bytes:
                    raise TooManyEnclosed(f"it unpacks to over {self.most_bytes // MIB:,} MB")
                if size > self.each_bytes:
                    break
                if path:
                    copy.write(block)
        return size


def from_json(rows: Sequence[Mapping[str, Any]], folder: Path | None) -> tuple[Enclosed, ...]:
    """Rebuild from a child's answer, which is not trusted. Raises ValueError if it is odd."""
    return tuple(_enclosed(row, number, folder) for number, row in enumerate(rows))


def _enclosed(row: Mapping[str, Any], number: int, folder: Path | None) -> Enclosed:
    path = folder / f"{number:06}" if folder and row["path"] else None
    # A link would be followed to whatever it names.
    if path and not stat.S_ISREG(path.lstat().st_mode):
        raise ValueError("an enclosed file is no plain file")
    texts = [row["name"], row["media_type"], row["problem"]]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("an enclosed file's name is no text")
    size = path.stat().st_size if path else int(row["size"])
    return Enclosed(texts[0], texts[1], size, path, texts[2])
