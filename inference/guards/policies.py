"""What a tenant wants of each guard. Entry points: ``of`` (kept for a moment in the process), ``set_action``."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from inference.guards.findings import Action, Stage
from inference.guards.registry import GUARDS, Guard
from inference.models import GuardPolicy
from tenants import audit
from tenants.scope import Principal, current_tenant_id, tenant_scope

# A change of policy reaches other processes after so long; this one at once. Saves every call a query.
KEPT_SECONDS = 2.0
MOST_HOSTS = 200
# What a guard can be told besides what it does, as JSON schema.
OPTIONS: dict[str, dict[str, Any]] = {
    "links": {"allowed": {"type": "array", "items": {"type": "string"}}},
    "length": {"most": {"type": "number"}},
    "support": {"threshold": {"type": "number"}, "judge": {"type": "boolean"}},
}


@dataclass(frozen=True)
class Setting:
    """One guard's action and options."""

    action: Action
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """All guards of a tenant."""

    settings: Mapping[str, Setting]

    def on(self, stage: Stage) -> Iterator[tuple[Guard, Setting]]:
        """The guards that look at this stage, and what each shall do."""
        for name, setting in self.settings.items():
            if setting.action != "off" and GUARDS[name].stage == stage:
                yield GUARDS[name], setting

    @property
    def fingerprint(self) -> str:
        """Differs when anything was set differently."""
        told = {name: [one.action, dict(one.options)] for name, one in self.settings.items()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


DEFAULTS = Policies({name: Setting(guard.default) for name, guard in GUARDS.items()})
_lock = threading.Lock()
_kept: dict[UUID, tuple[float, Policies]] = {}


def of(principal: Principal) -> Policies:
    """The tenant's policies. At most one query in ``KEPT_SECONDS``."""
    now = time.monotonic()
    with _lock:
        at, found = _kept.get(principal.tenant_id, (0.0, DEFAULTS))
    if at and now - at < KEPT_SECONDS:
        return found
    with tenant_scope(principal):
        found = read()
    with _lock:
        if len(_kept) > 10_000:
            _kept.clear()
        _kept[principal.tenant_id] = (now, found)
    return found


def read() -> Policies:
    """The policies of the open scope's tenant. One query."""
    rows = {row.guard: row for row in GuardPolicy.objects.all()}
    return Policies(
        {
            name: Setting(_action(rows[name]), rows[name].options) if name in rows else default
            for name, default in DEFAULTS.settings.items()
        }
    )


def _action(row: GuardPolicy) -> Action:
    action: Action = row.action  # type: ignore[assignment]  # one of the choices
    return action if action in GUARDS[row.guard].actions else "block"


@transaction.atomic
def set_action(guard: str, action: str, options: Mapping[str, Any] | None = None) -> GuardPolicy:
    """What a guard does from now on, in the open scope, with an audit event. Raises ValidationError."""
    if guard not in GUARDS:
        raise ValidationError(
            {"guard": f"There is no guard {guard!r}; there are: {', '.join(GUARDS)}."}
        )
    if action not in GUARDS[guard].actions:
        can = ", ".join(GUARDS[guard].actions)
        raise ValidationError({guard: f"{GUARDS[guard].title} can be: {can}."})
    row, _made = GuardPolicy.objects.update_or_create(
        tenant_id=current_tenant_id(),
        guard=guard,
        defaults={"action": action, "options": checked(guard, options or {})},
    )
    audit.record("guard.set", row, does=action, options=row.options)
    transaction.on_commit(forget)
    return row


def checked(guard: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that this guard knows. Raises ValidationError naming the field."""
    found: dict[str, Any] = {}
    if guard == "links":
        hosts = [
            str(host).strip().lower() for host in options.get("allowed", ()) if str(host).strip()
        ]
        if len(hosts) > MOST_HOSTS or any(
            "/" in host or " " in host or len(host) > 253 for host in hosts
        ):
            raise ValidationError(
                {guard: "Allowed hosts are names such as example.com, at most 200."}
            )
        found["allowed"] = hosts
    if guard == "length" and "most" in options:
        found["most"] = _within(guard, options["most"], 100, 1_000_000)
    if guard == "support" and "threshold" in options:
        found["threshold"] = _within(guard, options["threshold"], 0, 1)
    if guard == "support" and options.get("judge"):
        found["judge"] = True
    return found


def _within(guard: str, value: Any, least: float, most: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not least <= number <= most:
        raise ValidationError({guard: f"A number from {least:,} to {most:,}."})
    return number


def forget() -> None:
    """Read anew at the next call."""
    with _lock:
        _kept.clear()
