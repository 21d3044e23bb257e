"""Pages of PDFs as pictures, and where a quote stands on them. Entry points: ``picture`` and ``layout``.

Each page is drawn by a short-lived process with limits (``page_renderer``), at most ``AT_ONCE`` of them; pictures are
kept in memory up to ``KEPT_BYTES``. The caller has checked who may read the document, and holds no scope while a page
is drawn. Cost: about a quarter of a second for a page that is not kept.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from inference import encryption
from ingestion import storage
from ingestion.models import DocumentVersion
from tenants.scope import Principal

PROGRAM = Path(__file__).with_name("page_renderer.py")
AT_ONCE, PATIENCE_SECONDS, WALL_SECONDS = 2, 15, 20
KEPT_BYTES = 48 * 1024 * 1024


class NotDrawable(Exception):
    """The page cannot be drawn; its text still can be shown."""


class TooBusy(Exception):
    """Too many pages are being drawn: ask again in a moment."""


@dataclass(frozen=True)
class Layout:
    """A page's size and the rectangles (x, y, width, height) over a quote, in points from the top left."""

    width: float
    height: float
    boxes: tuple[tuple[float, float, float, float], ...]


class _Kept:
    """The pictures of pages seen lately, by version and page; oldest out first."""

    def __init__(self) -> None:
        self._pictures: OrderedDict[tuple[UUID, int], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: tuple[UUID, int]) -> bytes | None:
        with self._lock:
            if key in self._pictures:
                self._pictures.move_to_end(key)
            return self._pictures.get(key)

    def put(self, key: tuple[UUID, int], picture: bytes) -> None:
        with self._lock:
            self._bytes += len(picture) - len(self._pictures.pop(key, b""))
            self._pictures[key] = picture
            while self._bytes > KEPT_BYTES:
                _, oldest = self._pictures.popitem(last=False)
                self._bytes -= len(oldest)

    def forget(self, version_ids: Collection[UUID]) -> None:
        with self._lock:
            for key in [key for key in self._pictures if key[0] in version_ids]:
                self._bytes -= len(self._pictures.pop(key))


_kept = _Kept()
_slots = threading.BoundedSemaphore(AT_ONCE)


def forget(version_ids: Sequence[UUID]) -> None:
    """Drop the pictures of erased versions, in this process; in others nobody can ask for them any more."""
    _kept.forget(set(version_ids))


def picture(version: DocumentVersion, page: int, principal: Principal) -> bytes:
    """The page as PNG. Raises NotDrawable, TooBusy."""
    kept = _kept.get((version.pk, page))
    if kept is None:
        layout(version, page, "", principal)
        kept = _kept.get((version.pk, page))
    if kept is None:
        raise NotDrawable("The page gave no picture.")
    return kept


def layout(version: DocumentVersion, page: int, quote: str, principal: Principal) -> Layout:
    """The page's size and where the quote stands; keeps the picture as well. Raises NotDrawable, TooBusy."""
    with (
        tempfile.NamedTemporaryFile(prefix="footnote-page-", suffix=".png") as drawn,
        storage.spool(version.file, principal) as source,
    ):
        wanted = _kept.get((version.pk, page)) is None
        password = encryption.decrypt(version.sealed_password) or None
        request = {"path": str(source), "page": page, "quote": quote, "password": password}
        answer = _draw(request | {"picture": drawn.name if wanted else ""})
        if wanted:
            _kept.put((version.pk, page), Path(drawn.name).read_bytes())
    boxes = tuple((float(x), float(y), float(w), float(h)) for x, y, w, h in answer["boxes"])
    return Layout(float(answer["width"]), float(answer["height"]), boxes)


def _draw(request: dict[str, Any]) -> dict[str, Any]:
    if not _slots.acquire(timeout=PATIENCE_SECONDS):
        raise TooBusy
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(PROGRAM)],
            input=json.dumps(request).encode(),
            capture_output=True,
            timeout=WALL_SECONDS,
            check=True,
            env={
                name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ
            },
        )
        return dict(json.loads(done.stdout))
    except (subprocess.SubprocessError, ValueError) as error:
        raise NotDrawable(f"page {request['page']}: {error}") from error
    finally:
        _slots.release()
