"""What failover costs until the first token: the second model alone, then behind a first one that is down.

    FOOTNOTE_OUTBOUND_NETWORKS=127.0.0.0/8 FOOTNOTE_OUTBOUND_PORTS=any bin/manage shell -c \
        "import runpy; runpy.run_path('benchmarks/failover.py', run_name='__main__')"

Two fake providers run as processes of their own; the gateway is used as chat uses it (route, ledger row, trace span).
The ways to be down: connection refused, status 500, status 429 asking for an hour, reset; and a first model that takes
the request and never answers, on a route that asks the second after 200 ms as well (``hedge_after_ms``). With the
breaker open the first is not asked at all; that of the hanging model is opened by the races that it loses. All cases
take turns, so that a busy machine slows all alike. Makes a tenant and leaves it.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["FOOTNOTE_LOG_LEVEL"] = "ERROR"
django.setup()

from benchmarks.fake_provider import Provider as FakeProvider  # noqa: E402  (after setup)
from benchmarks.fake_provider import provider  # noqa: E402
from inference import gateway  # noqa: E402
from inference.clients import Clients  # noqa: E402
from inference.models import Candidate, Model, Provider, Route  # noqa: E402
from inference.routing.breakers import BreakerPolicy, Breakers  # noqa: E402
from inference.types import ChatRequest, Message, TextDelta  # noqa: E402
from tenants import people  # noqa: E402
from tenants.scope import Principal, platform_principal, tenant_scope  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "150"))
REFUSED = "http://127.0.0.1:9/v1"
HEDGE_MS = 200
HANGS = {"kind": "hang"}
# Most rounds do not count here: the breaker has to open first, and then stay so.
QUICKLY = BreakerPolicy(failures_running=2, open_for=3600.0, races_lost=1, doubt=0.3)
NEVER = BreakerPolicy(failures_running=10**9, error_share=2.0, races_lost=10**9)


@dataclass
class Case:
    """A route to ask, what its first provider does, and the clients with their breakers."""

    name: str
    feature: str
    clients: Clients
    fault: dict[str, Any] | None = None


def main() -> None:
    with provider() as first, provider() as second:
        principal = _tenant(first.address, second.address)
        cases = _cases()
        times: dict[str, list[float]] = {case.name: [] for case in cases}
        for round_number in range(ROUNDS + 5):
            for case in cases:
                took = _first_token(case, principal, first)
                if round_number >= 5:
                    times[case.name].append(took)
        _show(times)


def _tenant(first: str, second: str) -> Principal:
    tenant = people.found_tenant(slug=f"failover-{uuid4().hex[:8]}", name="Failover")
    principal = platform_principal(tenant.pk)
    with tenant_scope(principal):
        for name, address in (("first", first), ("second", second), ("refused", REFUSED)):
            provider = Provider.objects.create(name=name, base_url=address)
            Model.objects.create(provider=provider, name=name, input_price=0, output_price=0)
        for feature, names in (
            ("alone", ["second"]),
            ("faulty", ["first", "second"]),
            ("refused", ["refused", "second"]),
            ("hanging", ["first", "second"]),
        ):
            hedge = HEDGE_MS if feature == "hanging" else None
            route = Route.objects.create(feature=feature, hedge_after_ms=hedge)
            for position, name in enumerate(names):
                Candidate.objects.create(
                    route=route, model=name, position=position, is_fallback=position > 0
                )
    return principal


def _cases() -> list[Case]:
    def patient() -> Clients:
        return Clients(breakers=Breakers(NEVER))

    faults: dict[str, dict[str, Any]] = {
        "status 500": {"kind": "status", "status": 500},
        "429, Retry-After 3600": {"kind": "status", "status": 429, "retry_after": "3600"},
        "reset": {"kind": "reset", "after": 0},
    }
    shared = patient()
    return [
        Case("second alone", "alone", shared),
        Case("connection refused", "refused", shared),
        *(Case(name, "faulty", shared, fault) for name, fault in faults.items()),
        # Opened by the first rounds, which do not count, and too long open to be probed.
        Case(
            "breaker open",
            "refused",
            Clients(breakers=Breakers(BreakerPolicy(failures_running=1, open_for=3600.0))),
        ),
        Case("hanging, hedged after 200 ms", "hanging", patient(), HANGS),
        Case("hanging, breaker open", "hanging", Clients(breakers=Breakers(QUICKLY)), HANGS),
    ]


def _first_token(case: Case, principal: Principal, first: FakeProvider) -> float:
    """Milliseconds. The rest of the answer is read too, so that the connection can be used again."""
    first.forget()
    if case.fault:
        first.script(case.fault)
    request = ChatRequest([Message("user", "How long is leave?")], case.feature, principal)
    began = time.perf_counter()
    took = None
    for event in gateway.stream(request, clients=case.clients):
        if took is None and isinstance(event, TextDelta):
            took = (time.perf_counter() - began) * 1000
    assert took is not None
    return took


def percentile(found: list[float], at: int) -> float:
    return statistics.quantiles(found, n=100)[at - 1]


def _show(times: dict[str, list[float]]) -> None:
    alone = times["second alone"]
    print(f"milliseconds to the first token, {ROUNDS} calls each")
    for name, found in times.items():
        p50, p95 = percentile(found, 50), percentile(found, 95)
        above50, above95 = p50 - percentile(alone, 50), p95 - percentile(alone, 95)
        print(f"{name:24} p50 {p50:7.1f} ({above50:+.1f})   p95 {p95:7.1f} ({above95:+.1f})")


if __name__ == "__main__":
    main()
