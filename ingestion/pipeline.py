"""One claimed batch through the stages: load -> parse -> clean -> chunk -> embed -> publish.

``process`` is the entry point. Documents stand for themselves up to the embedding, which the whole batch shares, as it
does the publishing transaction. Whatever happens to a document is written on its run; nothing is raised.
"""

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

from ingestion import claims, handover, progress, publication, stages, storage, vectors, work
from ingestion.errors import (
    IngestionError,
    LeaseLost,
    PermanentError,
    RetryableError,
    SpaceChanged,
)
from ingestion.models import EmbeddingSpace, State
from ingestion.parsing.types import Parsed
from ingestion.publication import Prepared
from ingestion.stages import Job
from ingestion.work import Claim
from tenants.scope import platform_principal, tenant_scope

logger = logging.getLogger(__name__)
SLICE = 128
PROGRESS_SECONDS = 1.0
Stages = dict[str, Any]


def process(claimed: Claim) -> int:
    """Work off a claim; how many documents became searchable."""
    with work.keep(claimed):
        try:
            return _process(claimed)
        except LeaseLost as lost:
            logger.warning("%s", lost)
            return 0


def _process(claimed: Claim) -> int:
    try:
        with tenant_scope(platform_principal(claimed.tenant_id)):
            jobs = claims.jobs(claimed)
            space = vectors.serving_space()
            texts = storage.small_contents(job.file.pk for job in jobs if job.light)
    except Exception as error:  # noqa: BLE001  a batch that cannot begin must say why on its rows
        for run_id in claimed.run_ids:
            progress.postpone(claimed, run_id, _known(error, run_id), {})
        return 0
    with tempfile.TemporaryDirectory(prefix="footnote-parts-") as scratch:
        bench = Bench(claimed, Path(scratch))
        prepared = [one for job in jobs if (one := _prepare(bench, job, texts.get(job.file.pk)))]
        return _finish(claimed, prepared, space) if prepared else 0


@dataclass(frozen=True)
class Bench:
    """A claim, and where files found inside its documents lie until they are documents themselves."""

    claimed: Claim
    scratch: Path

    def folder(self, job: Job) -> Path:
        """An empty folder for one document."""
        folder = self.scratch / str(job.run_id)
        folder.mkdir()
        return folder


def _prepare(bench: Bench, job: Job, text: bytes | None) -> Prepared | None:
    """Everything up to the embedding; None when the document has ended, or waits for another attempt."""
    noted: Stages = {}
    try:
        return _staged(bench, job, text, noted)
    except LeaseLost:
        raise
    except PermanentError as error:
        _fail(bench.claimed, job, error, noted)
    except Exception as error:  # noqa: BLE001  whatever a file provokes must end on its row
        progress.postpone(bench.claimed, job.run_id, _known(error, job.run_id), noted)
    return None


def _fail(claimed: Claim, job: Job, error: PermanentError, noted: Stages) -> None:
    """End a run; what was found inside its file is read for itself."""
    with tenant_scope(platform_principal(claimed.tenant_id)):
        handover.lock_names(job, error.enclosed)
        if progress.fail(claimed, job.run_id, error, noted) and error.enclosed:
            handover.take_in(job, error.enclosed)


def _staged(bench: Bench, job: Job, text: bytes | None, noted: Stages) -> Prepared:
    claimed = bench.claimed
    if text is None:
        progress.show(claimed, State.PARSING, [job.run_id])
    with _timed(noted, "parse"):
        parsed = _parsed(bench, job, text, noted)
    if text is None:
        progress.show(claimed, State.CHUNKING, [job.run_id], pages=len(parsed.pages) or None)
    with _timed(noted, "clean"):
        cleaned = stages.clean_up(parsed, job)
    with _timed(noted, "chunk"):
        pieces = stages.cut(cleaned, job.profile)
    return Prepared(job, cleaned, pieces, noted)


def _parsed(bench: Bench, job: Job, text: bytes | None, noted: Stages) -> Parsed:
    if text is not None and (parsed := stages.parse_text(text, job)):
        return parsed
    if job.has_text:
        with tenant_scope(platform_principal(bench.claimed.tenant_id)):
            return stages.stored(job.version_id)
    started = perf_counter()
    principal = platform_principal(bench.claimed.tenant_id)
    with storage.spool(job.file, principal) as path:
        _note(noted, "load", started)
        return stages.parse(path, job, bench.folder(job))


def _finish(claimed: Claim, prepared: list[Prepared], space: EmbeddingSpace) -> int:
    """Embed and publish; how many documents became searchable.

    What goes wrong here befalls the whole batch. Its documents go on one by one, so that only the guilty one fails.
    """
    try:
        return _embed_and_publish(claimed, prepared, space)
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001  as above: a row must say what happened
        final = isinstance(error, PermanentError) and len(prepared) == 1
        end = progress.fail if final else progress.postpone
        for one in prepared:
            end(claimed, one.job.run_id, _known(error, one.job.run_id), one.stages)
        return 0


def _embed_and_publish(claimed: Claim, prepared: list[Prepared], space: EmbeddingSpace) -> int:
    found = _embed(claimed, prepared, space)
    principal = platform_principal(claimed.tenant_id)
    try:
        with tenant_scope(principal):
            return _publish(claimed, prepared, found, space.pk)
    except SpaceChanged:
        with tenant_scope(principal):
            space = vectors.serving_space()
    # The tenant has moved to another space meanwhile; it does not do so twice in the seconds that this takes.
    found = _embed(claimed, prepared, space)
    with tenant_scope(principal):
        return _publish(claimed, prepared, found, space.pk)


def _publish(
    claimed: Claim, prepared: list[Prepared], found: dict[bytes, bytes], space_id: UUID
) -> int:
    """Documents and what was found inside them appear in one commit."""
    had = handover.with_parts(one.job.document_id for one in prepared)
    parents = [one for one in prepared if one.cleaned.parsed.enclosed or one.job.document_id in had]
    for one in parents:
        handover.lock_names(one.job, one.cleaned.parsed.enclosed)
    published = publication.publish(prepared, found, token=claimed.token, space_id=space_id)
    for one in parents:
        if one.job.run_id in published:
            handover.take_in(one.job, one.cleaned.parsed.enclosed, one.cleaned.metadata)
    return len(published)


def _embed(claimed: Claim, prepared: list[Prepared], space: EmbeddingSpace) -> dict[bytes, bytes]:
    """A vector for each distinct text; those that the tenant has already are copied."""
    texts = {piece.content_hash: piece.embedded for one in prepared for piece in one.pieces}
    alone = len(prepared) == 1
    runs = [one.job.run_id for one in prepared]
    progress.show(claimed, State.EMBEDDING, runs, chunks=len(prepared[0].pieces) if alone else None)
    started = shown = perf_counter()
    principal = platform_principal(claimed.tenant_id)
    with tenant_scope(principal):
        found = vectors.known(texts, space.pk)
    copied, missing = len(found), [key for key in texts if key not in found]
    for start in range(0, len(missing), SLICE):
        keys = missing[start : start + SLICE]
        fresh = vectors.embed([texts[key] for key in keys], principal, space.specification)
        found.update(zip(keys, fresh, strict=True))
        if alone and perf_counter() - shown > PROGRESS_SECONDS:
            shown = perf_counter()
            progress.show(claimed, State.EMBEDDING, runs, chunks_done=len(found))
    for one in prepared:
        _note(one.stages, "embed", started, batch=len(texts), embedded=len(missing), copied=copied)
    return found


def _known(error: Exception, run_id: UUID) -> IngestionError:
    """The error as it is, or, when nobody foresaw it, as one that says so; the log then has the details."""
    if isinstance(error, IngestionError):
        return error
    logger.error("Unexpected error in run %s", run_id, exc_info=error)
    return RetryableError(
        "internal_error",
        f"Something unexpected happened while this file was read: {type(error).__name__}.",
        "Retry; if it happens again, tell whoever runs this Footnote. The log has the details.",
    )


@contextmanager
def _timed(noted: Stages, stage: str) -> Iterator[None]:
    started = perf_counter()
    try:
        yield
    except IngestionError as error:
        _note(noted, stage, started, outcome=error.code)
        raise
    _note(noted, stage, started)


def _note(noted: Stages, stage: str, started: float, *, outcome: str = "ok", **more: int) -> None:
    noted[stage] = {"ms": round((perf_counter() - started) * 1000, 1), "outcome": outcome, **more}
