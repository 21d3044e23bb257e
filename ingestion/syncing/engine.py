"""One look at a source: ``run(claim)``. Whatever happens is written on its row; nothing is raised.

Items are taken one by one and written in batches (``findings``). An item that fails never stops the others. What the
source does not have any more is deleted at the end, and only after a complete listing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone
from psycopg.types.json import Jsonb

from ingestion import documents
from ingestion.errors import LeaseLost
from ingestion.fetching import FetchError
from ingestion.models import Source, SourceRun
from ingestion.syncing import credentials, items, kinds, work
from ingestion.syncing.findings import BATCH, Findings
from ingestion.syncing.items import REFUSED, Problem
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
MOST_ITEMS = 200_000
# So few are deleted without asking whatever share they are.
FREELY_DELETED = 1


def run(claimed: SyncClaim) -> None:
    """Look at the claimed source, from its listing to the last item."""
    with work.keep(claimed):
        try:
            _begun(claimed).go()
        except LeaseLost as lost:
            logger.info("%s", lost)


def _begun(claimed: SyncClaim) -> _Look:
    """What is known before the listing. Raises LeaseLost when somebody stopped the look."""
    with tenant_scope(platform_principal(claimed.tenant_id)):
        found = SourceRun.objects.filter(pk=claimed.run_id, lease_token=claimed.token)
        mine = found.select_related("source__collection").first()
        if mine is None:
            raise LeaseLost(f"The look {claimed.run_id} was stopped.")
        return _Look(mine, Findings(claimed, mine.source), items.known(mine.source))


@dataclass
class _Look:
    """One run in this worker: which items are asked for, and what their answers mean."""

    run: SourceRun
    findings: Findings
    known: dict[str, Known]
    gone: list[str] = field(default_factory=list)
    memory: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.claimed, self.source = self.findings.claimed, self.findings.source
        self.fresh_since = timezone.now() - timedelta(minutes=self.source.fresh_minutes)

    def go(self) -> None:
        try:
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
                    self.findings.note(
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
            self.findings.flush()
            self.memory = {} if self.findings.counts["failed"] else opened.memory
            return opened.complete
        except BaseException:  # whatever ends it: fetched bodies are open files
            self.findings.close()
            raise
        finally:
            opened.close()

    def _say(self, key: str, trouble: SyncError | FetchError) -> None:
        """A part of the listing that could not be read, or was left out on purpose."""
        problem = Problem(key, trouble.code, trouble.message, trouble.remedy)
        if isinstance(trouble, LeftOut):
            self.findings.note(problem)
            self.findings.counts["skipped"] += trouble.count
        else:
            self.findings.note(problem, counted="failed")

    def _take(self, opened: Opened, listed: Listed) -> None:
        self.findings.counts["listed"] += 1
        known = self.known.get(listed.key)
        if known is not None and (known.is_out or self._is_settled(listed, known)):
            self.findings.keep(listed, known, asked=False)
        else:
            self._ask(opened, listed, known)
        self.findings.flush_when_due()

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
            self.findings.note(
                Problem(listed.key, gone.code, gone.message, gone.remedy), counted="skipped"
            )
        except (SyncError, FetchError) as error:
            self.findings.fail(Problem(listed.key, error.code, error.message, error.remedy))
        except Exception as error:
            logger.error("Unexpected error with %s", listed.key, exc_info=error)
            self.findings.fail(
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
            self.findings.note(
                Problem(listed.key, answer.code, answer.reason, answer.remedy), counted="skipped"
            )
            if known is not None:
                self.gone.append(listed.key)
        elif isinstance(answer, Unchanged):
            if known is None:
                self.findings.fail(
                    Problem(
                        listed.key,
                        "not_modified",
                        "The server said 'not modified' to a first request.",
                    )
                )
            else:
                self.findings.keep(listed, known, asked=True)
        else:
            self.findings.counts["fetched"] += 1
            if known is not None and _same(known, answer):
                answer.body.close()
                self.findings.keep(listed, known, asked=True)
            else:
                self.findings.take(listed, answer)

    # --- the end

    def _end_well(self, *, complete: bool) -> None:
        held = self._delete_missing(complete=complete)
        with self.findings.scope():
            self.findings.fence()
            state = SourceRun.RunState.HELD if held else SourceRun.RunState.DONE
            self._finish(state, *_held_sentences(held), good=True, held=held)

    def _delete_missing(self, *, complete: bool) -> int:
        """Delete what the source has no more; how many documents were held back for somebody's word instead."""
        started = self.run.started_at
        assert started is not None
        with self.findings.scope():
            found = items.missing(self.source, started, self.gone, complete=complete)
            alive = [
                item for item in found if item.document is not None and not item.document.deleted_at
            ]
            if self.source.missing == Source.Missing.KEEP:
                return 0
            if len(alive) > self._most_deleted() and not self.run.may_delete_all:
                return len(alive)
        for start in range(0, len(found), BATCH):
            with self.findings.scope():
                some = found[start : start + BATCH]
                going = [item.document.pk for item in some if item.document is not None]
                self.findings.counts["deleted"] += documents.delete_many(document_ids=going)
                items.forget(self.source, some)
                self.findings.fence()
        return 0

    def _most_deleted(self) -> int:
        share = self.source.most_deleted_percent / 100
        return max(FREELY_DELETED, int(items.living(self.source) * share))

    def _finish(
        self, state: str, code: str, reason: str, remedy: str, *, good: bool, held: int = 0
    ) -> None:
        said = {"code": code, "reason": reason, "remedy": remedy}
        self.findings.write("finish", state=state, **said)
        self.findings.write(
            "show_on_source", good=good, held=held, memory=Jsonb(self.memory), **said
        )
        self.findings.write("forget_old_runs")

    def _end_badly(self, code: str, reason: str, remedy: str, error: Exception) -> None:
        retryable = getattr(error, "retryable", True) and self.claimed.attempts < MOST_ATTEMPTS
        said = {"code": code[:60], "reason": reason, "remedy": remedy}
        with self.findings.scope():
            self.findings.fence()
            if retryable:
                wait = min(3600.0, getattr(error, "retry_after", None) or 0.0)
                self.findings.write("postpone", wait=wait, **said)
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


def _held_sentences(held: int) -> tuple[str, str, str]:
    if not held:
        return "", "", ""
    return (
        "many_deletions",
        f"{held:,} documents are no longer at the source. That is more than may be deleted without asking.",
        "Look at the source; then confirm the deletion, or keep them.",
    )
