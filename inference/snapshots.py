"""A tenant's models and routes as the process knows them: read in a few queries, kept for two seconds.

Entry point: `of`. Whatever this process changes through Django's models it sees at once; what another process
changed it sees within `KEPT_SECONDS`. So a route costs the hot path no query, and a model that was switched off
answers for two seconds more at most.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.db.models.signals import post_delete, post_save

from inference.models import Candidate, Model, OpenCircuit, Provider, Route
from tenants.scope import Principal, tenant_scope

KEPT_SECONDS = 2.0
MOST_TENANTS = 1_000


@dataclass(frozen=True)
class Declared:
    """A route with its candidates in order, fallbacks last."""

    route: Route
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Circuit:
    """An open circuit breaker. ``left`` is in seconds from when it was read; below zero it may be probed."""

    endpoint: str
    model: str
    trip: UUID
    open_for: float
    left: float


@dataclass(frozen=True)
class Snapshot:
    """Enabled models, the default first, the enabled routes by feature, and which models are left alone for now.

    ``read_from`` is when the reading began, by this process's monotonic clock.
    """

    models: tuple[Model, ...]
    routes: dict[str, Declared]
    circuits: tuple[Circuit, ...]
    read_from: float


def of(principal: Principal) -> Snapshot:
    """The tenant's snapshot, at most two seconds old. Four or five queries when it has to be read."""
    with _lock:
        kept = _kept.get(principal.tenant_id)
    if kept is not None and time.monotonic() - kept.read_from < KEPT_SECONDS:
        return kept
    found = load(principal)
    with _lock:
        _kept[principal.tenant_id] = found
        _kept.move_to_end(principal.tenant_id)
        if len(_kept) > MOST_TENANTS:
            _kept.popitem(last=False)
    return found


def load(principal: Principal) -> Snapshot:
    """The same read afresh, also from within a transaction that may yet roll back. Four or five queries."""
    read_from = time.monotonic()
    with tenant_scope(principal):
        enabled = Model.objects.filter(enabled=True, provider__enabled=True)
        rows = enabled.select_related("provider").order_by("-is_default", "created_at", "id")
        models = tuple(rows)
        routes = list(Route.objects.filter(enabled=True))
        candidates = list(Candidate.objects.all()) if routes else []
        circuits = _circuits()
    declared = {route.feature: _declared(route, candidates) for route in routes}
    return Snapshot(models, declared, circuits, read_from)


def forget(tenant_id: UUID) -> None:
    """Read the tenant's rows again at the next call."""
    with _lock:
        _kept.pop(tenant_id, None)


def watch() -> None:
    """Forget what this process changes; called once, when the application starts."""
    for model in (Provider, Model, Route, Candidate):
        post_save.connect(_changed, sender=model, dispatch_uid=f"snapshot_{model.__name__}_saved")
        post_delete.connect(_changed, sender=model, dispatch_uid=f"snapshot_{model.__name__}_gone")


def _changed(instance: Any, **_: Any) -> None:
    tenant_id = instance.tenant_id
    # Now for whoever reads on in this transaction, and again when the others can see it too.
    forget(tenant_id)
    transaction.on_commit(lambda: forget(tenant_id))


def _circuits() -> tuple[Circuit, ...]:
    """Few rows, mostly none."""
    columns = ("endpoint", "model", "trip", "open_for", "left")
    rows = OpenCircuit.objects.annotate(left=F("open_until") - Now()).values_list(*columns)
    return tuple(
        Circuit(endpoint, model, trip, open_for, left.total_seconds())
        for endpoint, model, trip, open_for, left in rows
    )


def _declared(route: Route, candidates: list[Candidate]) -> Declared:
    return Declared(route, tuple(one for one in candidates if one.route_id == route.pk))


_kept: OrderedDict[UUID, Snapshot] = OrderedDict()
_lock = threading.Lock()
