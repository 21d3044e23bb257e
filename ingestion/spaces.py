"""Embedding spaces of a tenant: added, filled in the background, switched to in one transaction, rolled back, dropped.

``add`` makes a space that ``filling`` fills; ``switch`` lets it serve once nothing is missing; the space that served
before is kept full, so that switching back is the same command. Each runs in the open scope, by an admin or the
platform, and is audited.
"""

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models.functions import Now

from inference import gateway
from inference.errors import EmbeddingError
from ingestion import filling, statements, vectors
from ingestion.errors import RetryableError, SpaceRefused
from ingestion.models import EmbeddingSpace
from tenants import audit
from tenants.identifiers import uuid7_at
from tenants.scope import current_tenant_id, platform_principal, tenant_scope

SQL = statements.load(__file__)
State = EmbeddingSpace.SpaceState
SWITCH_SECONDS = 60.0
CHOSEN_SECONDS = 5.0
DELETED_AT_ONCE = 5_000


@dataclass(frozen=True)
class Progress:
    """How full a space is, and what is left: passages, tokens, seconds and money as far as its own pace tells."""

    passages: int
    filled: int
    tokens_left: int
    seconds_left: float | None
    cost_left: Decimal | None

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.filled / self.passages if self.passages else 1.0


@dataclass(frozen=True)
class Switched:
    """A switch that took place, and how long its transaction held the spaces."""

    space: EmbeddingSpace
    former: UUID | None
    milliseconds: float


def add(specification: str) -> EmbeddingSpace:
    """A second space, to be filled. Raises SpaceRefused, for a model that reads less than the passages hold as well."""
    serving = _serving()
    try:
        model, present = (
            gateway.embedding_model(specification),
            gateway.embedding_model(serving.specification),
        )
    except EmbeddingError as error:
        raise SpaceRefused(str(error)) from error
    if EmbeddingSpace.objects.filter(model=model.name, dimensions=model.dimensions).exists():
        raise SpaceRefused(f"There is a space of {model.name} ({model.dimensions} dimensions).")
    if model.max_tokens < present.max_tokens:
        raise SpaceRefused(
            f"{model.name} reads {model.max_tokens} tokens, and the passages here were divided for"
            f" {present.max_tokens}: their ends would be cut off."
        )
    space = EmbeddingSpace.objects.create(
        tenant_id=current_tenant_id(),
        specification=specification,
        model=model.name,
        dimensions=model.dimensions,
        state=State.FILLING,
    )
    audit.record("space.added", space, specification=specification)
    return space


def progress(space: EmbeddingSpace) -> Progress:
    """How full it is. Costs a scan of the tenant's passages: a second at a million."""
    passages, tokens, filled, done = SQL.fetch("coverage", space=space.pk)[0]
    left, seconds, cost = tokens - done, None, None
    if space.filled and done:
        seconds = space.seconds / space.filled * (passages - filled)
        cost = space.cost_usd / done * left
    return Progress(passages, filled, left, seconds, cost)


def pause(space: EmbeddingSpace, *, paused: bool) -> None:
    """Stop filling it, or go on."""
    EmbeddingSpace.objects.filter(pk=space.pk).update(paused_at=Now() if paused else None)
    audit.record("space.paused" if paused else "space.resumed", space)


def switch(tenant_id: UUID, space_id: UUID, *, seconds: float = SWITCH_SECONDS) -> Switched:
    """Let the space serve as soon as it is complete, waiting at most so long. Call it outside of a transaction.

    Fills what was published meanwhile, then looks again under lock: whoever publishes waits for that moment, and
    embeds anew for this space. Raises SpaceRefused.
    """
    ends = time.monotonic() + seconds
    while True:
        complete_at = datetime.now(UTC)
        complete = filling.fill(tenant_id, space_id, max(0.1, ends - time.monotonic()))
        if complete and (done := _switched(tenant_id, space_id, complete_at)):
            return done
        if time.monotonic() > ends:
            raise SpaceRefused("The space is not complete yet: its passages are still embedded.")
        time.sleep(0.2)


def _switched(tenant_id: UUID, space_id: UUID, complete_at: datetime) -> Switched | None:
    with tenant_scope(platform_principal(tenant_id)):
        started = time.perf_counter()
        former = EmbeddingSpace.objects.filter(state=State.SERVING).first()
        known = [space_id, *([former.pk] if former else [])]
        states = dict(SQL.fetch("lock_spaces", spaces=known))
        if states.get(space_id) != State.FILLING or (former and states[former.pk] != State.SERVING):
            raise SpaceRefused("The space serves already, or is being dropped.")
        since = uuid7_at(complete_at - filling.MARGIN)
        if SQL.fetch("missing_since", space=space_id, since=since)[0][0]:
            return None
        SQL.run("take_over")
        SQL.run("serve", space=space_id)
        space = EmbeddingSpace.objects.get(pk=space_id)
        audit.record("space.switched", space, former=former.model if former else "")
    milliseconds = (time.perf_counter() - started) * 1000
    return Switched(space, former.pk if former else None, milliseconds)


def let_serve(space: EmbeddingSpace) -> None:
    """Have a worker switch to it as soon as it is complete (``carry_out``)."""
    EmbeddingSpace.objects.filter(pk=space.pk).update(serves_next=True)
    audit.record("space.chosen", space)


def retire(space: EmbeddingSpace) -> None:
    """Have a worker delete it with its vectors. Raises SpaceRefused for the one that serves."""
    idle = EmbeddingSpace.objects.filter(pk=space.pk).exclude(state=State.SERVING)
    if not idle.update(state=State.RETIRED):
        raise SpaceRefused("The space serves searches: switch to another one first.")
    audit.record("space.dropped", space)


def drop(tenant_id: UUID, space_id: UUID) -> int:
    """Delete a space that does not serve, some rows at a time; how many vectors. Call it outside of a transaction."""
    with tenant_scope(platform_principal(tenant_id)):
        retire(EmbeddingSpace.objects.get(pk=space_id))
    return _delete(tenant_id, space_id)


def _delete(tenant_id: UUID, space_id: UUID) -> int:
    deleted = 0
    while True:
        with tenant_scope(platform_principal(tenant_id)):
            some = SQL.run("delete_vectors", space=space_id, most=DELETED_AT_ONCE)
            if not some:
                EmbeddingSpace.objects.filter(pk=space_id, state=State.RETIRED).delete()
                return deleted
        deleted += some


def carry_out() -> int:
    """Do what people have chosen: switch to spaces that are complete, delete those that are retired; how many."""
    chosen = SQL.fetch_across("chosen")
    done = 0
    for tenant_id, space_id, state in chosen:
        if state == State.RETIRED:
            _delete(tenant_id, space_id)
            done += 1
            continue
        with suppress(SpaceRefused):  # not complete after all: the next round tries again
            switch(tenant_id, space_id, seconds=CHOSEN_SECONDS)
            done += 1
    return done


def _serving() -> EmbeddingSpace:
    try:
        return vectors.serving_space()
    except RetryableError as error:
        raise SpaceRefused(f"{error.message} {error.remedy}") from error
