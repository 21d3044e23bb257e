"""One look at a source: ``run(claim)``. Whatever happens is written on its row; nothing is raised.

Items are taken one by one and written in batches, each batch in one transaction that begins by showing the run's
progress under its lease: when the run was stopped or another worker has it, the batch leaves nothing behind. An item
that fails never stops the others. What the source does not have any more is deleted at the end, and only after a
complete listing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.utils import timezone
from psycopg.types.json import Jsonb

from ingestion import documents
from ingestion.errors import LeaseLost, UploadRefused
from ingestion.fetching import FetchError
from ingestion.intake import Upload
from ingestion.models import Source, SourceRun
from ingestion.syncing import credentials, items, kinds, work
from ingestion.syncing.items import REFUSED, Problem, Taken
from ingestion.syncing.kind import (
    Content,
    Gone,
    Known,
    LeftOut,
    Listed,
    Opened,
    Setup,
    Skipped,
    SyncError,
    Unchanged,
)
from ingestion.syncing.work import MOST_ATTEMPTS, SyncClaim
from tenants.scope import platform_principal, tenant_scope

logger = logging.getLogger(__name__)
BATCH = 50
BATCH_BYTES = 16 * 1024 * 1024
BATCH_SECONDS = 2.0
SEEN_BATCH = 1000
MOST_PROBLEMS = 200
MOST_ITEMS = 200_000
# So few are deleted without asking whatever share they are.
FREELY_DELETED = 1
COUNTERS = ["listed", "fetched", "unchanged", "new", "changed", "deleted", "skipped", "failed"]


def run(claimed: SyncClaim) -> None:
    """Look at the claimed source, from its listing to the last item."""
    with work.keep(claimed):
        try:
            _Look(claimed).go()
        except LeaseLost as lost:
            logger.info("%s", lost)


@dataclass
class _Look:
    """The state of one run in this worker."""

    claimed: SyncClaim
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    problems: list[Problem] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    _batch: list[tuple[Listed, Content]] = field(default_factory=list)
    _failed: list[Problem] = field(default_factory=list)
    _seen: list[tuple[UUID, str]] = field(default_factory=list)
    _asked: list[UUID] = field(default_factory=list)
    _recovered: list[UUID] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)
    _flushed_at: float = field(default_factory=monotonic)

    def go(self) -> None:
        try:
            self._load()
            with_all = self._list_all()
        except LeaseLost:
            raise
        except (SyncError, FetchError) as error:
            self._end_badly(error.code, error.message, error.remedy, error)
        except Exception as error:
            logger.error("Unexpected error in look %s", self.claimed.run_id, exc_info=error)
            self._end_badly(
                "internal_error",
                f"Something unexpected happened: {type(error).__name__}.",
                "Sync again; if it happens again, tell whoever runs this Footnote.",
                error,
            )
        else:
            self._end_well(complete=with_all)

    # --- from the listing to the batches

    def _load(self) -> None:
        with self._scope():
            found = SourceRun.objects.filter(pk=self.claimed.run_id, lease_token=self.claimed.token)
            mine = found.select_related("source__collection").first()
            if mine is None:
                raise LeaseLost(f"The look {self.claimed.run_id} was stopped.")
            self.run, self.source = mine, mine.source
            self.known = items.known(self.source)
        self.fresh_since = timezone.now() - timedelta(minutes=self.source.fresh_minutes)

    def _list_all(self) -> bool:
        kind = kinds.kind_of(self.source.kind)
        secrets = credentials.read(self.source)
        setup = Setup(self.source.name, self.source.config, secrets, self.known, self.source.memory)
        opened = kind.open(setup)
        try:
            seen: set[str] = set()
            for listed in opened.listing():
                if listed.key in seen:
                    continue
                seen.add(listed.key)
                self._take(opened, listed)
                if len(seen) >= MOST_ITEMS:
                    self._note(
                        Problem(
                            self.source.name,
                            "too_many",
                            f"Only the first {MOST_ITEMS:,} items were looked at.",
                            "Divide the source.",
                        )
                    )
                    return False
            for key, trouble in opened.troubles:
                self._say(key, trouble)
            self._flush()
            self.memory = {} if self.counts["failed"] else opened.memory
            return opened.complete
        except BaseException:  # whatever ends it: fetched bodies are open files
            self._close_batch()
            raise
        finally:
            opened.close()

    def _say(self, key: str, trouble: SyncError | FetchError) -> None:
        """A part of the listing that could not be read, or was left out on purpose."""
        problem = Problem(key, trouble.code, trouble.message, trouble.remedy)
        if isinstance(trouble, LeftOut):
            self._note(problem)
            self.counts["skipped"] += trouble.count
        else:
            self._note(problem, counted="failed")

    def _take(self, opened: Opened, listed: Listed) -> None:
        self.counts["listed"] += 1
        known = self.known.get(listed.key)
        if known is not None and (known.is_out or self._is_settled(listed, known)):
            self._keep(listed, known, asked=False)
        else:
            self._ask(opened, listed, known)
        self._flush_when_due()

    def _is_settled(self, listed: Listed, known: Known) -> bool:
        """Need it not be asked for? It was seen in this very run, its marker is the same, or it is fresh."""
        if known.fetched_at is None or (
            known.problem[0] and not known.problem[0].startswith(REFUSED)
        ):
            return False
        started = self.run.started_at
        if started is not None and known.fetched_at >= started:
            return True
        if listed.marker and listed.marker == known.marker:
            return listed.certain or not self.run.asked_for
        return not self.run.asked_for and known.fetched_at > self.fresh_since

    def _ask(self, opened: Opened, listed: Listed, known: Known | None) -> None:
        try:
            answer = opened.fetch(listed, known)
        except Gone as gone:
            self.gone.append(listed.key)
            self._note(Problem(listed.key, gone.code, gone.message, gone.remedy), counted="skipped")
        except (SyncError, FetchError) as error:
            self._fail(Problem(listed.key, error.code, error.message, error.remedy))
        except Exception as error:
            logger.error("Unexpected error with %s", listed.key, exc_info=error)
            self._fail(
                Problem(
                    listed.key,
                    "internal_error",
                    f"Something unexpected happened: {type(error).__name__}.",
                )
            )
        else:
            self._answered(listed, known, answer)

    def _answered(
        self, listed: Listed, known: Known | None, answer: Content | Unchanged | Skipped
    ) -> None:
        if isinstance(answer, Skipped):
            self._note(
                Problem(listed.key, answer.code, answer.reason, answer.remedy), counted="skipped"
            )
            if known is not None:
                self.gone.append(listed.key)
        elif isinstance(answer, Unchanged):
            if known is None:
                self._fail(
                    Problem(
                        listed.key,
                        "not_modified",
                        "The server said 'not modified' to a first request.",
                    )
                )
            else:
                self._keep(listed, known, asked=True)
        else:
            self.counts["fetched"] += 1
            if known is not None and _same(known, answer):
                answer.body.close()
                self._keep(listed, known, asked=True)
            else:
                self._batch.append((listed, answer))

    def _keep(self, listed: Listed, known: Known, *, asked: bool) -> None:
        """An item that is as it was; when its content was refused, it still is."""
        self._seen.append((known.id, listed.marker))
        if known.problem[0].startswith(REFUSED):
            self._note(Problem(listed.key, *known.problem), counted="failed")
        else:
            self.counts["unchanged"] += 1
            if known.problem[0]:
                self._recovered.append(known.id)
        if asked:
            self._asked.append(known.id)

    def _fail(self, problem: Problem) -> None:
        self._failed.append(problem)
        self._note(problem, counted="failed")

    def _note(self, problem: Problem, *, counted: str = "") -> None:
        if counted:
            self.counts[counted] += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    # --- writing

    def _flush_when_due(self) -> None:
        size = sum(content.size for _, content in self._batch)
        full = len(self._batch) >= BATCH or size >= BATCH_BYTES or len(self._seen) >= SEEN_BATCH
        if full or monotonic() - self._flushed_at > BATCH_SECONDS:
            self._flush()

    def _flush(self) -> None:
        """Write what has gathered, in one transaction. Raises LeaseLost."""
        try:
            with self._scope():
                self._fence()
                self._upload()
                if self._failed:
                    items.write_failed(self.source, self._failed)
                if self._seen:
                    items.write_seen(self.source, self._seen)
                if self._asked:
                    items.write_asked(self.source, self._asked)
                if self._recovered:
                    items.write_recovered(self.source, self._recovered)
                self._fence()
        finally:
            self._close_batch()
        self._flushed_at = monotonic()

    def _close_batch(self) -> None:
        for _, content in self._batch:
            content.body.close()
        for gathered in (self._batch, self._failed, self._seen, self._asked, self._recovered):
            gathered.clear()

    def _upload(self) -> None:
        if not self._batch:
            return
        answers = documents.upload_many(
            collection=self.source.collection,
            uploads=[_upload(listed, content) for listed, content in self._batch],
            source=self.source,
        )
        taken = []
        for (listed, content), answer in zip(self._batch, answers, strict=True):
            if isinstance(answer, UploadRefused):
                problem = Problem(
                    listed.key, f"{REFUSED}{answer.code}"[:60], answer.message, answer.remedy
                )
                self._note(problem, counted="failed")
                taken.append(
                    Taken(listed, content, None, (problem.code, problem.reason, problem.remedy))
                )
            else:
                self.counts[_COUNTED[answer.outcome]] += 1
                taken.append(Taken(listed, content, answer.document.pk))
        items.write_taken(self.source, taken)

    def _fence(self) -> None:
        """Show the counters under the lease. Raises LeaseLost."""
        shown = Jsonb([vars(problem) for problem in self.problems])
        if self.claimed.lost.is_set() or not self._write("fence", **self.counts, problems=shown):
            raise LeaseLost(
                f"The look {self.claimed.run_id} was stopped, or another worker has it."
            )

    def _write(self, name: str, **values: Any) -> int:
        values |= {"run": self.claimed.run_id, "token": self.claimed.token}
        return items.run_statement(name, self.source, **values)

    def _scope(self) -> Any:
        return tenant_scope(platform_principal(self.claimed.tenant_id))

    # --- the end

    def _end_well(self, *, complete: bool) -> None:
        held = self._delete_missing(complete=complete)
        with self._scope():
            self._fence()
            state = SourceRun.RunState.HELD if held else SourceRun.RunState.DONE
            self._finish(state, *_held_sentences(held), good=True, held=held)

    def _delete_missing(self, *, complete: bool) -> int:
        """Delete what the source has no more; how many documents were held back for somebody's word instead."""
        started = self.run.started_at
        assert started is not None
        with self._scope():
            found = items.missing(self.source, started, self.gone, complete=complete)
            alive = [
                item for item in found if item.document is not None and not item.document.deleted_at
            ]
            if self.source.missing == Source.Missing.KEEP:
                return 0
            if len(alive) > self._most_deleted() and not self.run.may_delete_all:
                return len(alive)
        for start in range(0, len(found), BATCH):
            with self._scope():
                some = found[start : start + BATCH]
                going = [item.document.pk for item in some if item.document is not None]
                self.counts["deleted"] += documents.delete_many(document_ids=going)
                items.forget(self.source, some)
                self._fence()
        return 0

    def _most_deleted(self) -> int:
        share = self.source.most_deleted_percent / 100
        return max(FREELY_DELETED, int(items.living(self.source) * share))

    def _finish(
        self, state: str, code: str, reason: str, remedy: str, *, good: bool, held: int = 0
    ) -> None:
        said = {"code": code, "reason": reason, "remedy": remedy}
        self._write("finish", state=state, **said)
        self._write("show_on_source", good=good, held=held, memory=Jsonb(self.memory), **said)
        self._write("forget_old_runs")

    def _end_badly(self, code: str, reason: str, remedy: str, error: Exception) -> None:
        retryable = getattr(error, "retryable", True) and self.claimed.attempts < MOST_ATTEMPTS
        said = {"code": code[:60], "reason": reason, "remedy": remedy}
        with self._scope():
            self._fence()
            if retryable:
                wait = min(3600.0, getattr(error, "retry_after", None) or 0.0)
                self._write("postpone", wait=wait, **said)
            else:
                self._finish(SourceRun.RunState.FAILED, said["code"], reason, remedy, good=False)


def _same(known: Known, content: Content) -> bool:
    """Is there nothing to write, neither the bytes nor what is remembered of them?"""
    return (known.sha256, known.etag, known.last_modified, known.memory) == (
        content.sha256,
        content.etag,
        content.last_modified,
        content.memory,
    )


_COUNTED = {"created": "new", "new_version": "changed", "unchanged": "unchanged"}


def _upload(listed: Listed, content: Content) -> Upload:
    return Upload(
        filename=content.filename,
        content=content.body,
        external_id=listed.key,
        title=content.title or listed.title or None,
        metadata=content.metadata or None,
        media_type=content.media_type,
    )


def _held_sentences(held: int) -> tuple[str, str, str]:
    if not held:
        return "", "", ""
    return (
        "many_deletions",
        f"{held:,} documents are no longer at the source. That is more than may be deleted without asking.",
        "Look at the source; then confirm the deletion, or keep them.",
    )
