"""Filling an embedding space in the background, and keeping it full while another one serves.

``fill_shift`` takes one due space of any tenant under a lease, embeds what it lacks for some seconds, version by
version, and gives it back. The rows are the truth: what has a vector in the space is done, so a worker that is killed
loses at most a slice, and two at once do some work twice and nothing wrong.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from inference import gateway
from inference.errors import InferenceError
from ingestion import halfvecs, stages, statements, vectors
from ingestion.chunking.drafts import embedding_text
from ingestion.models import DocumentVersion
from tenants.identifiers import uuid7, uuid7_at
from tenants.scope import Principal, platform_principal, tenant_scope

SQL = statements.load(__file__)
SHIFT_SECONDS = 5.0
LEASE = timedelta(seconds=60)
# Until a space that is complete, or one whose model does not answer, is looked at again.
PAUSE = timedelta(seconds=15)
# Passages are made with their ids a moment before they are published; no publication takes this long.
MARGIN = timedelta(minutes=10)
SLICE = 64
VERSIONS = 50
START = UUID(int=0)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Filling:
    """A leased space."""

    tenant_id: UUID
    space_id: UUID
    token: UUID
    specification: str
    cursor: UUID
    completed_at: datetime | None

    @property
    def principal(self) -> Principal:
        """Who embeds: the platform, in the space's tenant."""
        return platform_principal(self.tenant_id)

    @property
    def keys(self) -> dict[str, Any]:
        """What every statement is about."""
        return {"tenant": self.tenant_id, "space": self.space_id, "token": self.token}


def fill_shift(seconds: float = SHIFT_SECONDS) -> bool:
    """Work on the space that waited longest; is there more to do at once?"""
    filling = _lease()
    return filling is not None and _fill(filling, time.monotonic() + seconds)


def fill(tenant_id: UUID, space_id: UUID, seconds: float) -> bool:
    """The same for one space, now: is it complete? For a switch that is waited for."""
    filling = _taken(tenant_id, space_id)
    return filling is not None and not _fill(filling, time.monotonic() + seconds)


def _lease() -> Filling | None:
    for tenant_id, space_id in SQL.fetch_across("due"):
        if filling := _taken(tenant_id, space_id):
            return filling
    return None


def _taken(tenant_id: UUID, space_id: UUID) -> Filling | None:
    keys = {"tenant": tenant_id, "space": space_id, "token": uuid7()}
    with tenant_scope(platform_principal(tenant_id)):
        rows = SQL.fetch("lease", lease=LEASE, **keys)
    if not rows:
        return None
    specification, cursor, completed_at = rows[0]
    return Filling(tenant_id, space_id, keys["token"], specification, cursor or START, completed_at)


def _fill(filling: Filling, ends: float) -> bool:
    """Fill until the time is up; whether something is left to do at once."""
    began, reason, cursor, more = datetime.now(UTC), "", filling.cursor, False
    try:
        cursor, more = _versions(filling, ends)
    except InferenceError as error:
        logger.warning("Space %s is not filled for now: %s", filling.space_id, error)
        reason = f"The embedding model did not answer: {error}"
    complete = not more and not reason
    pause = timedelta(0) if more else PAUSE
    with tenant_scope(filling.principal):
        SQL.run(
            "release",
            cursor=START if complete else cursor,
            complete=complete,
            began=began,
            pause=pause,
            reason=reason,
            **filling.keys,
        )
    return more


def _versions(filling: Filling, ends: float) -> tuple[UUID, bool]:
    """Where the work stands, and whether there is more of it. A look from the cursor on is followed by a whole one."""
    cursor = filling.cursor
    while True:
        lacking = _lacking(filling, cursor)
        for version_id, title in lacking:
            _version(filling, version_id, title)
            cursor = version_id
            if time.monotonic() > ends:
                return cursor, True
        if not lacking and cursor == START:
            return START, False
        if not lacking or filling.completed_at is not None:
            cursor = START


def _lacking(filling: Filling, cursor: UUID) -> list[tuple[UUID, str]]:
    values = {**filling.keys, "cursor": cursor, "most": VERSIONS}
    with tenant_scope(filling.principal):
        if filling.completed_at is None:
            return SQL.fetch("lacking", **values)
        return SQL.fetch("lacking_since", **values, since=uuid7_at(filling.completed_at - MARGIN))


def _version(filling: Filling, version_id: UUID, title: str) -> None:
    with tenant_scope(filling.principal):
        rows = SQL.fetch("passages", **filling.keys, version=version_id)
        heads = _heads(version_id)
    counter = vectors.counter(filling.specification)
    limit = gateway.embedding_model(filling.specification).max_tokens
    for first in range(0, len(rows), SLICE):
        some = rows[first : first + SLICE]
        texts = [
            embedding_text(
                text,
                title=title,
                heading_path=tuple(path),
                table_head=heads.get((start, end), ""),
                counter=counter,
                max_tokens=limit,
            )
            for _, start, end, path, text in some
        ]
        _slice(filling, version_id, [row[0] for row in some], texts)


def _heads(version_id: UUID) -> dict[tuple[int, int], str]:
    """What a passage goes on with, a table or code, by its span: it is embedded with its head, which is not stored."""
    row = DocumentVersion.objects.select_related("document__collection").get(pk=version_id)
    if not any(block["kind"] in ("table", "code") for block in row.blocks):
        return {}
    drafts = stages.divide(stages.as_read(row), vectors.profile(row.document.collection))
    return {(one.start, one.end): one.table_head for one in drafts if one.table_head}


def _slice(filling: Filling, version_id: UUID, ids: list[UUID], texts: list[str]) -> None:
    started = time.monotonic()
    found = gateway.embed(
        texts, feature="ingestion", principal=filling.principal, model=filling.specification
    )
    values = {**filling.keys, "version": version_id, "ids": ids}
    rows = [halfvecs.packed(row) for row in found.vectors]
    with tenant_scope(filling.principal):
        SQL.run("lock_document", **values)
        halfvecs.execute(SQL["insert_vectors"], rows, **values)
        SQL.run("lease", lease=LEASE, **filling.keys)
        SQL.run(
            "count_in",
            filled=len(ids),
            seconds=time.monotonic() - started,
            cost=found.cost,
            shortened=found.truncated,
            **filling.keys,
        )
