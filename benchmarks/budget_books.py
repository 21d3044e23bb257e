"""A tenant with budgets at every level, and its books: what the ledger, the budgets and the reservations say."""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from benchmarks.running import Site  # noqa: E402  (after the path)
from config.launch import database  # noqa: E402

RELEASE_SECONDS = 60
SCOPES = ("tenant", "user", "key", "feature", "model")
PERIODS = ("day", "month", "total")
# USD. What is too small refuses part of the calls.
SMALL = {("user", "day"): 30, ("feature", "month"): 60, ("key", "total"): 20}
EMBEDDER = "text-embedding-3-small"
HANDBOOK = b"# Leave\n\n" + b"\n\n".join(
    f"The leave of group {n} is {20 + n} days a year.".encode() for n in range(12)
)
PRICES = {"input": 3.333333, "cached": 0.7, "output": 17.77777}
DEAR = {"input": 100, "cached": 10, "output": 1000}
ROUTES: dict[str, Any] = {
    "plain": {"candidates": ["usual"]},
    "failover": {"candidates": ["broken"], "fallbacks": ["usual"]},
    "hedged": {"candidates": ["slow"], "fallbacks": ["usual"], "hedge_after_ms": 50},
    # The operator's embedding model, by an endpoint of the tenant's own: what workers call.
    "embed": {"candidates": [f"fake/{EMBEDDER}"]},
}


def configure(
    site: Site,
    slug: str,
    address: str,
    budgets: list[dict[str, Any]],
    prices: dict[str, Any] = PRICES,
) -> None:
    """A provider, its models, routes and budgets by ``bin/manage apply``."""
    models: list[dict[str, Any]] = [
        {"name": name, "prices": prices, "default": name == "usual"}
        for name in ("usual", "broken", "slow")
    ]
    models.append({"name": EMBEDDER, "kind": "embedding", "prices": prices})
    providers = [{"name": "fake", "base_url": address, "models": models}]
    declared = {"tenant": slug, "providers": providers, "routes": ROUTES, "budgets": budgets}
    file = site.home.path / f"{slug}.yaml"
    file.write_text(json.dumps(declared), encoding="utf-8")  # which is YAML as well
    site.manage("apply", str(file))


def every_level() -> list[dict[str, Any]]:
    """A budget for each scope and period."""
    return [
        {
            "name": f"{scope} {period}",
            "scope": scope,
            "period": period,
            "limit_usd": SMALL.get((scope, period), 100_000),
        }
        for scope in SCOPES
        for period in PERIODS
    ]


def client_of(site: Site, key: str) -> httpx.Client:
    """Enough connections for two hundred at once."""
    headers, limits = {"Authorization": f"Bearer {key}"}, httpx.Limits(max_connections=300)
    return httpx.Client(base_url=site.url, headers=headers, timeout=120, limits=limits)


def completion(size: int) -> dict[str, Any]:
    """The body of a call; of three, two say how long the answer may be."""
    made: dict[str, Any] = {
        "model": "usual",
        "messages": [{"role": "user", "content": "word " * size}],
    }
    return made | ({"max_tokens": 200} if size % 3 else {})


class Books:
    """The ledger and the budgets of one tenant, read as the superuser."""

    def __init__(self, site: Site, slug: str) -> None:
        used = database.use(site.home)
        self.address, self.slug = used.superuser(), slug
        used.users.close()

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """``query`` with ``:t`` for the tenant."""
        tenant = f"(SELECT id FROM tenants_tenant WHERE slug = '{self.slug}')"  # noqa: S608 - our own
        with psycopg.connect(self.address) as connection:
            return connection.execute(query.replace(":t", tenant)).fetchall()  # type: ignore[arg-type]

    def reserved(self) -> tuple[int, Decimal]:
        """How many calls hold something, and the largest sum that a budget has reserved."""
        ((calls, most),) = self.read(
            "SELECT (SELECT count(*) FROM inference_reservation WHERE tenant_id = :t),"
            " (SELECT coalesce(max(reserved_usd), 0) FROM inference_budgetcounter WHERE tenant_id = :t)"
        )
        return int(calls), most

    def held(self) -> set[str]:
        """The reservations that are open."""
        rows = self.read("SELECT id FROM inference_reservation WHERE tenant_id = :t")
        return {str(one) for (one,) in rows}

    def rows(self) -> int:
        return int(self.read("SELECT count(*) FROM inference_modelcall WHERE tenant_id = :t")[0][0])

    def outcomes(self) -> dict[str, int]:
        found = self.read(
            "SELECT outcome || coalesce(nullif(': ' || error_code, ': '), '')"
            " || CASE WHEN cache <> '' THEN ' (cached)' ELSE '' END, count(*)"
            " FROM inference_modelcall WHERE tenant_id = :t GROUP BY 1 ORDER BY 2 DESC"
        )
        return {str(name): int(count) for name, count in found}

    def wrong(self) -> list[tuple[Any, ...]]:
        """Budgets whose spent is not the sum of their ledger rows."""
        return self.read(
            "SELECT b.name, c.subject, c.spent_usd, sum(m.cost_usd) FROM inference_budgetcounter c"
            " JOIN inference_budget b ON b.tenant_id = c.tenant_id AND b.id = c.budget_id"
            " LEFT JOIN inference_modelcall m ON m.tenant_id = c.tenant_id AND c.id = ANY (m.charged)"
            " WHERE c.tenant_id = :t GROUP BY 1, 2, 3, c.id"
            " HAVING c.spent_usd <> coalesce(sum(m.cost_usd), 0)"
        )

    def whole_tenant(self) -> tuple[Decimal, Decimal]:
        """What the budget of the whole tenant says is spent, and the sum of all ledger rows."""
        ((spent, ledger),) = self.read(
            "SELECT (SELECT c.spent_usd FROM inference_budgetcounter c JOIN inference_budget b"
            "         ON b.tenant_id = c.tenant_id AND b.id = c.budget_id"
            "        WHERE c.tenant_id = :t AND b.name = 'tenant total'),"
            " (SELECT sum(cost_usd) FROM inference_modelcall WHERE tenant_id = :t)"
        )
        return spent, ledger


@dataclass
class Watch:
    """The highest that any budget stood above its limit, looked at as often as possible."""

    books: Books
    looks: int = 0
    highest: Decimal = Decimal("-Infinity")
    _done: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        query = (
            "SELECT coalesce(max(spent_usd + reserved_usd - limit_usd), '-Infinity')"
            " FROM inference_budgetcounter"
        )
        with psycopg.connect(self.books.address, autocommit=True) as connection:
            while not self._done.wait(0.002):
                found = connection.execute(query).fetchone()
                assert found is not None
                self.highest = max(self.highest, found[0])
                self.looks += 1


def wait_released(books: Books, seconds: float = RELEASE_SECONDS) -> float | None:
    """How long until nothing was reserved; None: longer than that."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < seconds:
        with suppress(psycopg.Error):
            if books.reserved() == (0, Decimal(0)):
                return waited
        time.sleep(0.2)
    return None


def judged(books: Books, watch: Watch | None, settled: float | None) -> list[str]:
    """What is wrong, in words; prints the sums."""
    spent, ledger = books.whole_tenant()
    wrong = books.wrong()
    print(f"spent {spent} USD, sum of the ledger {ledger} USD; {len(wrong)} budgets differ")
    found = [f"budget differs from its rows: {one}" for one in wrong]
    if spent != ledger:
        found.append(f"the tenant's budget says {spent}, the ledger {ledger}")
    if settled is None:
        found.append(f"still reserved after {RELEASE_SECONDS} s: {books.reserved()}")
    if watch is not None:
        print(f"highest stand above a limit: {watch.highest} USD, in {watch.looks} looks")
        if watch.highest > 0:
            found.append(f"a budget was overdrawn by {watch.highest}")
    return found
