"""The database's side of the lean way, on the event loop: two connections, one round trip before a call, one after.

Entry points: `Accounts.admit`, `Accounts.settle`. Both go in batches, so that many calls share a round trip and a
commit. A settlement is tried again for a while when the database is away: until it is committed, the answer's last
byte does not go out.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID, uuid4

import psycopg
from django.conf import settings

from inference import admission, catalogue, leases, waiting, warnings
from inference.admission import Admission
from inference.bounds import Bound
from inference.encryption import decrypt
from inference.errors import BudgetBusy, InferenceError, UnknownModel
from inference.passthrough.batches import Batches
from inference.prices import Prices
from inference.providers.provider import Dialect, Endpoint, ResolvedModel
from tenants.scope import Principal

K = TypeVar("K")
V = TypeVar("V")
SETTLE_SECONDS = 30.0
MOST_KNOWN = 4096
CALLS = "SELECT footnote_calls(%s::jsonb)"
SETTLE = "SELECT footnote_settle_calls(%s::jsonb)"
_log = logging.getLogger(__name__)


class Unauthenticated(InferenceError):
    """No such key, or no longer."""

    code = "unauthenticated"


class Forbidden(InferenceError):
    """The key lacks the scope."""

    code = "insufficient_scope"


class Guarded(InferenceError):
    """The tenant's guards mask or block, and none of them stands on this way."""

    code = "guarded"
    member_message = (
        "This tenant's guards mask or block answers. Ask one of Footnote's own models,"
        " which they stand in front of."
    )


@dataclass(frozen=True)
class Known:
    """A model as one key may call it, and the version of its rows."""

    version: str
    model: ResolvedModel


@dataclass(frozen=True)
class Admitted:
    """Who asks, with which model, and what the call may take."""

    principal: Principal
    model: ResolvedModel
    bound: Bound
    admission: Admission


@dataclass(frozen=True)
class Wanted:
    """A call before it is admitted. ``rate``: requests and seconds of every key, if they are limited."""

    key: str
    scope: str
    model: str
    feature: str
    rate: tuple[float, float] | None

    @cached_property
    def digest(self) -> bytes:
        """As which the key is known."""
        return hashlib.sha256(self.key.encode("utf-8", "surrogatepass")).digest()

    @property
    def place(self) -> tuple[bytes, str]:
        return self.digest, self.model


class Statements:
    """One connection, opened when needed, and again when it was lost."""

    def __init__(self, statement: str) -> None:
        self._statement = statement
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def run(self, values: Sequence[dict[str, Any]]) -> Any:
        """The statement's one value. Raises psycopg.Error."""
        if self._connection is None or self._connection.broken or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5
            )
        try:
            cursor = await self._connection.execute(
                self._statement, [json.dumps(values)], prepare=True
            )
            row = await cursor.fetchone()
        except BaseException:  # a half-read connection is of no use to the next batch
            await self._connection.close()
            self._connection = None
            raise
        return row[0] if row else None


class Accounts:
    """One event loop's door to admission and settlement."""

    def __init__(self) -> None:
        self._calls, self._settlements = Statements(CALLS), Statements(SETTLE)
        # One bad item must not cost the others of its statement their call, or their bill.
        bad = (psycopg.DataError, psycopg.IntegrityError)
        self._admitting = Batches(self._admitted, alone=bad)
        self._settling = Batches(self._settled, alone=bad)
        self._known: OrderedDict[tuple[bytes, str], Known] = OrderedDict()
        self._askers: OrderedDict[bytes, Principal] = OrderedDict()

    async def admit(self, wanted: Wanted, bound_of: Callable[[ResolvedModel], Bound]) -> Admitted:
        """Who asks, with which model, and what the call may take.

        Raises Unauthenticated, Forbidden, Guarded, UnknownModel, LimitReached, psycopg.Error.
        """
        ends, refused = time.monotonic() + settings.BUDGET_WAIT_SECONDS, 0
        while True:
            try:
                return await self._taken(wanted, bound_of)
            except BudgetBusy:
                left = ends - time.monotonic()
                if left <= 0:
                    raise
            refused += 1
            # All who wait ask in the same few statements (`Batches`), so that nobody need be woken.
            await asyncio.sleep(min(left, waiting.next_look(refused)))

    async def _taken(self, wanted: Wanted, bound_of: Callable[[ResolvedModel], Bound]) -> Admitted:
        for _ in range(3):
            known = self._known.get(wanted.place)
            bound = bound_of(known.model) if known else None
            told = await self._admitting.done(_ask(wanted, known, bound))
            if "tenant" in told:
                _keep(self._askers, wanted.digest, _principal(told))
            if told["status"] == "model":
                _keep(self._known, wanted.place, Known(told["version"], _model(told["row"])))
                continue
            if told["status"] in ("unauthenticated", "forbidden"):
                self._askers.pop(wanted.digest, None)
            if told["status"] == "no_model":
                self._known.pop(wanted.place, None)
            _check(told, wanted)
            assert known is not None
            assert bound is not None
            principal = _principal(told)
            found = admission.read(principal.tenant_id, bound, told)
            if found.reservation_id is not None:
                leases.keeper().hold(principal.tenant_id, found.reservation_id)
            return Admitted(principal, known.model, bound, found)
        raise UnknownModel("the model's row changed while it was read; try again")

    def asker(self, wanted: Wanted) -> Principal | None:
        """Who the key was when it was last seen: enough to plan with, since admission looks again."""
        return self._askers.get(wanted.digest)

    def known(self, wanted: Wanted) -> ResolvedModel | None:
        """The model of that name as the key's last call found it."""
        found = self._known.get(wanted.place)
        return found.model if found else None

    async def settle(self, entry: dict[str, Any]) -> None:
        """Commit the ledger's row and the trace. Raises psycopg.Error when the database stays away."""
        ends = time.monotonic() + SETTLE_SECONDS
        try:
            while not await self._is_settled(entry, ends):
                await asyncio.sleep(0.2)
        finally:
            # Also what could not be settled is held no longer: its lease runs out, and its money is given back.
            if entry["reservation"]:
                leases.keeper().let_go(UUID(entry["reservation"]))

    async def _is_settled(self, entry: dict[str, Any], ends: float) -> bool:
        try:
            await self._settling.done(entry)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if time.monotonic() > ends:
                _log.error("a ledger row could not be written: %s", json.dumps(entry))
                raise
            _log.warning("the ledger does not answer, trying again: %s", error)
            return False
        return True

    async def _admitted(self, asks: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._calls.run(asks)
        for one in found:
            if warning := one.get("warning"):
                await asyncio.to_thread(warnings.send, [warning])
        return found

    async def _settled(self, entries: Sequence[dict[str, Any]]) -> Sequence[None]:
        if told := await self._settlements.run(entries):
            await asyncio.to_thread(warnings.send, told)
        return [None] * len(entries)


def _keep(kept: OrderedDict[K, V], key: K, value: V) -> None:
    """The newest few thousand."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > MOST_KNOWN:
        kept.popitem(last=False)


def _ask(wanted: Wanted, known: Known | None, bound: Bound | None) -> dict[str, Any]:
    configured = catalogue.environment_model()
    return {
        "id": str(uuid4()),
        "key_hash": wanted.digest.hex(),
        "scope": wanted.scope,
        "model": wanted.model,
        "environment": bool(configured and wanted.model in (configured.name, configured.full_name)),
        "version": known.version if known else None,
        "operation": "chat",
        "feature": wanted.feature,
        "api_rate": wanted.rate,
        "tokens": bound.estimated_prompt if bound else 0,
        "least": str(bound.least) if bound else "0",
        "want": str(bound.want) if bound else "0",
        "share": str(bound.share) if bound else "1",
    }


def _check(told: dict[str, Any], wanted: Wanted) -> None:
    match told["status"]:
        case "unauthenticated":
            raise Unauthenticated("no such key, or no longer")
        case "forbidden":
            raise Forbidden(f"the key lacks the scope {wanted.scope!r}")
        case "guarded":
            raise Guarded("a guard of the tenant's masks or blocks")
        case "no_model":
            raise UnknownModel(f"no enabled chat model is called {wanted.model!r}")


def _principal(told: dict[str, Any]) -> Principal:
    return Principal(
        tenant_id=UUID(told["tenant"]), role=told["role"], api_key_id=UUID(told["key"])
    )


def _model(row: dict[str, Any] | None) -> ResolvedModel:
    """The row as a model. Raises EncryptionError."""
    if row is None:
        configured = catalogue.environment_model()
        assert configured is not None
        return configured
    prices = (row["input_price"], row["cached_price"], row["output_price"])
    return ResolvedModel(
        kind=catalogue.ENDPOINT,
        provider=row["provider"],
        name=row["name"],
        endpoint=Endpoint(row["base_url"], decrypt(bytes.fromhex(row["encrypted_key"]))),
        context_window=row["context_window"],
        prices=Prices(*(None if one is None else Decimal(str(one)) for one in prices)),
        tier=row["tier"],
        dialect=Dialect(row["length_parameter"], row["reports_usage"]),
    )
