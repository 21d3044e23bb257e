"""Circuit breakers of all processes together: what one of them has found out spares the others.

Entry points: `admits` before a call, `ended` after it, `heed` with a tenant's snapshot. A row per open breaker
(``OpenCircuit``) is written when it opens and removed when it closes, also by hand; each process reads the rows with
its snapshot of the tenant, so that they cost the calls nothing. Probes are claimed by a conditional UPDATE: one call
at a time asks a model that failed, whichever process it is in. When the database fails, each process goes by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from inference.errors import InferenceError
from inference.models import OpenCircuit
from inference.providers.provider import ResolvedModel
from inference.routing.breakers import (
    Breakers,
    Notice,
    Trip,
    Verdict,
    fingerprint,
    is_providers_fault,
)
from inference.snapshots import Circuit, Snapshot
from inference.types import storable
from tenants.scope import Principal, tenant_scope

_log = logging.getLogger(__name__)

# Uses index: open_circuit_once.
_CLAIM = """
UPDATE inference_opencircuit
   SET probing_until = CASE WHEN coalesce(probing_until <= clock_timestamp(), true)
                            THEN clock_timestamp() + make_interval(secs => %s) ELSE probing_until END
 WHERE tenant_id = %s AND provider = %s AND model = %s AND endpoint = %s
RETURNING coalesce(old.probing_until <= clock_timestamp(), true)
"""


def admits(principal: Principal, model: ResolvedModel, breakers: Breakers) -> bool:
    """Whether the model may be asked now. A query only when the call would be a probe."""
    verdict = breakers.asked(model)
    if verdict is not Verdict.PROBE:
        return verdict is Verdict.YES
    try:
        return _claimed(principal, model, breakers.policy.probe_takes_at_most)
    except DatabaseError as error:
        _log.warning("A probe of %s could not be claimed: %s", model.name, error)
        return True


def ended(
    principal: Principal, model: ResolvedModel, breakers: Breakers, error: InferenceError | None
) -> None:
    """A call of the model ended so. Queries only when its breaker opens or closes, or lets the next one probe."""
    if error is None:
        if breakers.succeeded(model):
            _tell(principal, lambda: _rows(model).delete())
    elif not is_providers_fault(error):
        if breakers.released(model):
            _tell(principal, lambda: _rows(model).update(probing_until=None))
    else:
        trip = breakers.failed(model, error)
        if trip and _tell(principal, lambda: _opened(model, trip, error)):
            breakers.told(model, trip, principal.tenant_id)


def heed(principal: Principal, snapshot: Snapshot, breakers: Breakers) -> None:
    """Take over what other processes know of the tenant's models. No query."""
    notices = [_notice(one, snapshot.read_from) for one in snapshot.circuits]
    breakers.heed(principal.tenant_id, notices, snapshot.read_from)


def _claimed(principal: Principal, model: ResolvedModel, seconds: float) -> bool:
    """Whether this process may probe. Without a row (closed elsewhere, or never told) its own word counts."""
    place = [model.provider, model.name, fingerprint(model.endpoint)]
    with tenant_scope(principal), connection.cursor() as cursor:
        cursor.execute(_CLAIM, [seconds, principal.tenant_id, *place])
        row = cursor.fetchone()
    return row is None or bool(row[0])


def _tell(principal: Principal, write: Callable[[], object]) -> bool:
    """Whether the others know. A call's end must not fail because of it."""
    try:
        with tenant_scope(principal):
            write()
    except DatabaseError as error:
        _log.warning("The state of a circuit breaker could not be shared: %s", error)
        return False
    return True


def _opened(model: ResolvedModel, trip: Trip, error: InferenceError) -> None:
    now = Now()
    found = {
        "trip": trip.id,
        "open_until": now + timedelta(seconds=trip.open_for),
        "open_for": trip.open_for,
        "probing_until": None,
        "error_code": error.code,
        "error": storable(str(error))[:300],
    }
    OpenCircuit.objects.update_or_create(
        provider=model.provider,
        model=model.name,
        endpoint=fingerprint(model.endpoint),
        defaults=found,
        # Since when it fails: a probe that fails leaves that as it is.
        create_defaults={**found, "opened_at": now},
    )


def _rows(model: ResolvedModel) -> QuerySet[OpenCircuit]:
    return OpenCircuit.objects.filter(
        provider=model.provider, model=model.name, endpoint=fingerprint(model.endpoint)
    )


def _notice(found: Circuit, read_from: float) -> Notice:
    return Notice((found.endpoint, found.model), found.trip, found.open_for, read_from + found.left)
