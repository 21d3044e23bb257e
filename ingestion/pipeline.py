"""One claimed batch through the stages: load -> parse -> clean -> chunk -> embed -> publish.

``process`` is the entry point. Documents stand for themselves up to the embedding, which the whole batch shares, as it
does the publishing transaction. Whatever happens to a document is written on its run; nothing is raised.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from uuid import UUID

from ingestion import progress, publication, stages, storage, vectors, work
from ingestion.errors import IngestionError, LeaseLost, PermanentError, RetryableError
from ingestion.models import IngestionRun, State
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
            jobs = _jobs(claimed)
            space = vectors.serving_space()
            texts = storage.small_contents(job.file.pk for job in jobs if job.light)
    except Exception as error:  # noqa: BLE001  a batch that cannot begin must say why on its rows
        for run_id in claimed.run_ids:
            progress.postpone(claimed, run_id, _known(error, run_id), {})
        return 0
    prepared = [one for job in jobs if (one := _prepare(claimed, job, texts.get(job.file.pk)))]
    return _finish(claimed, prepared, space.pk) if prepared else 0


def _jobs(claimed: Claim) -> list[Job]:
    runs = IngestionRun.objects.filter(id__in=claimed.run_ids, lease_token=claimed.token)
    rows = runs.select_related("version", "version__file", "document").defer(
        "version__text", "version__blocks", "version__page_spans"
    )
    return [_job(run) for run in rows.order_by("not_before", "id")]


def _job(run: IngestionRun) -> Job:
    return Job(
        run_id=run.pk,
        document_id=run.document_id,
        version_id=run.version_id,
        collection_id=run.document.collection_id,
        attempts=run.attempts,
        filename=run.version.filename,
        given_title=run.version.given_title,
        media_type=run.version.media_type,
        file=run.version.file,
        light=run.light,
    )


def _prepare(claimed: Claim, job: Job, text: bytes | None) -> Prepared | None:
    """Everything up to the embedding; None when the document has ended, or waits for another attempt."""
    noted: Stages = {}
    try:
        return _staged(claimed, job, text, noted)
    except LeaseLost:
        raise
    except PermanentError as error:
        progress.fail(claimed, job.run_id, error, noted)
    except Exception as error:  # noqa: BLE001  whatever a file provokes must end on its row
        progress.postpone(claimed, job.run_id, _known(error, job.run_id), noted)
    return None


def _staged(claimed: Claim, job: Job, text: bytes | None, noted: Stages) -> Prepared:
    if text is None:
        progress.show(claimed, State.PARSING, [job.run_id])
    with _timed(noted, "parse"):
        parsed = _parsed(claimed, job, text, noted)
    if text is None:
        progress.show(claimed, State.CHUNKING, [job.run_id], pages=len(parsed.pages) or None)
    with _timed(noted, "clean"):
        cleaned = stages.clean_up(parsed, job)
    with _timed(noted, "chunk"):
        pieces = stages.cut(cleaned)
    return Prepared(job, cleaned, pieces, noted)


def _parsed(claimed: Claim, job: Job, text: bytes | None, noted: Stages) -> Parsed:
    if text is not None and (parsed := stages.parse_text(text, job)):
        return parsed
    started = perf_counter()
    with storage.spool(job.file, platform_principal(claimed.tenant_id)) as path:
        _note(noted, "load", started)
        return stages.parse(path, job)


def _finish(claimed: Claim, prepared: list[Prepared], space_id: UUID) -> int:
    """Embed and publish; how many documents became searchable.

    What goes wrong here befalls the whole batch. Its documents go on one by one, so that only the guilty one fails.
    """
    try:
        found = _embed(claimed, prepared, space_id)
        with tenant_scope(platform_principal(claimed.tenant_id)):
            return len(publication.publish(prepared, found, token=claimed.token, space_id=space_id))
    except LeaseLost:
        raise
    except Exception as error:  # noqa: BLE001  as above: a row must say what happened
        final = isinstance(error, PermanentError) and len(prepared) == 1
        end = progress.fail if final else progress.postpone
        for one in prepared:
            end(claimed, one.job.run_id, _known(error, one.job.run_id), one.stages)
        return 0


def _embed(claimed: Claim, prepared: list[Prepared], space_id: UUID) -> dict[bytes, str]:
    """A vector for each distinct text; those that the tenant has already are copied."""
    texts = {piece.content_hash: piece.embedded for one in prepared for piece in one.pieces}
    alone = len(prepared) == 1
    runs = [one.job.run_id for one in prepared]
    progress.show(claimed, State.EMBEDDING, runs, chunks=len(prepared[0].pieces) if alone else None)
    started = shown = perf_counter()
    principal = platform_principal(claimed.tenant_id)
    with tenant_scope(principal):
        found = vectors.known(texts, space_id)
    copied, missing = len(found), [key for key in texts if key not in found]
    for start in range(0, len(missing), SLICE):
        keys = missing[start : start + SLICE]
        found.update(zip(keys, vectors.embed([texts[key] for key in keys], principal), strict=True))
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
