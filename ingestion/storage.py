"""File bytes in Postgres, in blocks of 1 MB: one dump is everything, and no file is ever whole in memory.

``store`` writes a stream, ``open_file`` reads it back as a seekable binary file, ``spool`` puts it on disk for a
parser. All run in the open tenant scope; a reader opens the scope again for each block, so it may outlive a request.
"""

import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.db import transaction

from ingestion.inserting import insert
from ingestion.models import FileBlock, StoredFile
from tenants.identifiers import uuid7
from tenants.scope import Principal, current_principal, current_tenant_id, tenant_scope

BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Fingerprint:
    """What identifies bytes: their sha256 and how many there are."""

    sha256: bytes
    size: int


def fingerprint(content: BinaryIO, *, most: int | None = None) -> Fingerprint:
    """Read a stream once and rewind it. Stops early beyond ``most`` bytes, with a size just above it."""
    digest, size = hashlib.sha256(), 0
    content.seek(0)
    while block := content.read(BLOCK_BYTES):
        size += len(block)
        digest.update(block)
        if most is not None and size > most:
            break
    content.seek(0)
    return Fingerprint(digest.digest(), size)


@transaction.atomic
def store(content: BinaryIO, found: Fingerprint) -> StoredFile:
    """Keep a stream whose fingerprint was taken before; costs one insert for each MB."""
    row = StoredFile(
        tenant_id=current_tenant_id(), id=uuid7(), sha256=found.sha256, size=found.size
    )
    row.save(force_insert=True)
    content.seek(0)
    for ordinal, block in enumerate(iter(lambda: content.read(BLOCK_BYTES), b"")):
        FileBlock.objects.create(tenant_id=row.tenant_id, file=row, ordinal=ordinal, data=block)
    return row


@transaction.atomic
def store_small(contents: Iterable[tuple[bytes, Fingerprint]]) -> list[StoredFile]:
    """Keep many byte strings of at most one block each, in two statements."""
    tenant_id = current_tenant_id()
    pairs = [
        (StoredFile(tenant_id=tenant_id, id=uuid7(), sha256=found.sha256, size=found.size), data)
        for data, found in contents
    ]
    insert(row for row, _ in pairs)
    insert(FileBlock(tenant_id=tenant_id, file=row, ordinal=0, data=data) for row, data in pairs)
    return [row for row, _ in pairs]


def small_contents(file_ids: Iterable[UUID]) -> dict[UUID, bytes]:
    """The bytes of files that are known to be one block each, in one query."""
    rows = FileBlock.objects.filter(file_id__in=list(file_ids), ordinal=0)
    return {file_id: bytes(data) for file_id, data in rows.values_list("file_id", "data")}


class StoredReader(io.RawIOBase):
    """A stored file as a seekable stream. Costs one query a block; holds one block in memory."""

    def __init__(self, row: StoredFile) -> None:
        self._principal = current_principal()
        self._file_id, self._size = row.pk, row.size
        self._position = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "memoryview[int] | bytearray") -> int:  # type: ignore[override]
        ordinal, start = divmod(self._position, BLOCK_BYTES)
        if self._position >= self._size:
            return 0
        piece = self._block(ordinal)[start : start + len(buffer)]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block(self, ordinal: int) -> bytes:
        if self._held[0] != ordinal:
            with tenant_scope(self._principal):
                data = FileBlock.objects.values_list("data", flat=True).get(
                    file_id=self._file_id, ordinal=ordinal
                )
            self._held = (ordinal, bytes(data))
        return self._held[1]


def open_file(row: StoredFile) -> io.BufferedReader:
    """A stored file, to read from anywhere in it. Needs the open scope only now."""
    return io.BufferedReader(StoredReader(row), BLOCK_BYTES)


@contextmanager
def spool(row: StoredFile, principal: Principal) -> Iterator[Path]:
    """The file on disk for as long as the block runs, with no transaction held meanwhile.

    Its name says nothing about what was uploaded.
    """
    with tempfile.NamedTemporaryFile(prefix="footnote-file-") as copy:
        with tenant_scope(principal), open_file(row) as reader:
            while block := reader.read(BLOCK_BYTES):
                copy.write(block)
        copy.flush()
        yield Path(copy.name)
