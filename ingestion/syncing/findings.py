"""What a look has found and not written yet, and how it is written: in batches, each in one transaction.

A batch begins by showing the look's progress under its lease: when the look was stopped or another worker has it, the
batch leaves nothing behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from ingestion import documents
from ingestion.errors import LeaseLost, UploadRefused
from ingestion.intake import Upload
from ingestion.models import Source
from ingestion.syncing import items
from ingestion.syncing.items import REFUSED, Problem, Taken
from ingestion.syncing.kind import Content, Known, Listed
from ingestion.syncing.work import SyncClaim
from tenants.scope import platform_principal, tenant_scope

BATCH = 50
BATCH_BYTES = 16 * 1024 * 1024
BATCH_SECONDS = 2.0
SEEN_BATCH = 1000
MOST_PROBLEMS = 200
COUNTERS = ["listed", "fetched", "unchanged", "new", "changed", "deleted", "skipped", "failed"]
_COUNTED = {"created": "new", "new_version": "changed", "unchanged": "unchanged"}


@dataclass
class Findings:
    """Of one look in this worker: its counters, its problems, and the batch."""

    claimed: SyncClaim
    source: Source
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    problems: list[Problem] = field(default_factory=list)
    _batch: list[tuple[Listed, Content]] = field(default_factory=list)
    _failed: list[Problem] = field(default_factory=list)
    _seen: list[tuple[UUID, str]] = field(default_factory=list)
    _asked: list[UUID] = field(default_factory=list)
    _recovered: list[UUID] = field(default_factory=list)
    _flushed_at: float = field(default_factory=monotonic)

    def take(self, listed: Listed, content: Content) -> None:
        """An item with content that is to be written; the body is closed after that."""
        self._batch.append((listed, content))

    def keep(self, listed: Listed, known: Known, *, asked: bool) -> None:
        """An item that is as it was; when its content was refused, it still is."""
        self._seen.append((known.id, listed.marker))
        if known.problem[0].startswith(REFUSED):
            self.note(Problem(listed.key, *known.problem), counted="failed")
        else:
            self.counts["unchanged"] += 1
            if known.problem[0]:
                self._recovered.append(known.id)
        if asked:
            self._asked.append(known.id)

    def fail(self, problem: Problem) -> None:
        """An item that could not be had; tried again by the next look."""
        self._failed.append(problem)
        self.note(problem, counted="failed")

    def note(self, problem: Problem, *, counted: str = "") -> None:
        """What people are shown, as far as there is room; ``counted``: under which counter."""
        if counted:
            self.counts[counted] += 1
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)

    def flush_when_due(self) -> None:
        """Write when the batch is large or old. Raises LeaseLost."""
        size = sum(content.size for _, content in self._batch)
        full = len(self._batch) >= BATCH or size >= BATCH_BYTES or len(self._seen) >= SEEN_BATCH
        if full or monotonic() - self._flushed_at > BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered, in one transaction. Raises LeaseLost."""
        try:
            with self.scope():
                self.fence()
                self._upload()
                if self._failed:
                    items.write_failed(self.source, self._failed)
                if self._seen:
                    items.write_seen(self.source, self._seen)
                if self._asked:
                    items.write_asked(self.source, self._asked)
                if self._recovered:
                    items.write_recovered(self.source, self._recovered)
                self.fence()
        finally:
            self.close()
        self._flushed_at = monotonic()

    def close(self) -> None:
        """Drop the batch: fetched bodies are open files."""
        for _, content in self._batch:
            content.body.close()
        for gathered in (self._batch, self._failed, self._seen, self._asked, self._recovered):
            gathered.clear()

    def _upload(self) -> None:
        if not self._batch:
            return
        answers = documents.upload_many(
            collection=self.source.collection,
            uploads=[_offer(listed, content) for listed, content in self._batch],
            source=self.source,
        )
        taken = []
        for (listed, content), answer in zip(self._batch, answers, strict=True):
            if isinstance(answer, UploadRefused):
                problem = Problem(
                    listed.key, f"{REFUSED}{answer.code}"[:60], answer.message, answer.remedy
                )
                self.note(problem, counted="failed")
                taken.append(
                    Taken(listed, content, None, (problem.code, problem.reason, problem.remedy))
                )
            else:
                self.counts[_COUNTED[answer.outcome]] += 1
                taken.append(Taken(listed, content, answer.document.pk))
        items.write_taken(self.source, taken)

    def fence(self) -> None:
        """Show the counters under the lease. Raises LeaseLost."""
        shown = Jsonb([vars(problem) for problem in self.problems])
        if self.claimed.lost.is_set() or not self.write("fence", **self.counts, problems=shown):
            raise LeaseLost(
                f"The look {self.claimed.run_id} was stopped, or another worker has it."
            )

    def write(self, name: str, **values: Any) -> int:
        """One of the statements of ``items`` on the run, under its lease; how many rows it changed."""
        values |= {"run": self.claimed.run_id, "token": self.claimed.token}
        return items.run_statement(name, self.source, **values)

    def scope(self) -> Any:
        """The platform's, in the source's tenant."""
        return tenant_scope(platform_principal(self.claimed.tenant_id))


def _offer(listed: Listed, content: Content) -> Upload:
    return Upload(
        filename=content.filename,
        content=content.body,
        external_id=listed.key,
        title=content.title or listed.title or None,
        metadata=content.metadata or None,
        media_type=content.media_type,
    )
