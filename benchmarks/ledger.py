"""Money in a whole running Footnote: 10,000 calls of every outcome, kills in mid-call, and what the sums say.

    .venv/bin/python benchmarks/ledger.py [--calls 10000] [--processes 4] [--parts calls kills dollar]

Starts ``bin/up`` in a home of its own, and a fake provider. Processes of their own call the gateway (whole, streamed,
left by the asker; plain, behind a broken model, beside a slow one) while clients call the web process (passed on, whole
and streamed and left; questions that are answered from the cache). The provider answers, fails, breaks off and bills
oddly, at random. Budgets lie at every level: tenant, user, key, feature and model, each by day, by month and in all,
some of them too small. A connection of its own looks all the while whether any budget is overdrawn. Then a web
process, a worker and Postgres are killed with ``kill -9`` in mid-call, and a watch is held. Last, 200 calls at once
on one dollar.
Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ |= {"FOOTNOTE_OUTBOUND_NETWORKS": "127.0.0.0/8", "FOOTNOTE_OUTBOUND_PORTS": "any"}
os.environ["FOOTNOTE_API_RATE"] = "1000000/minute"

from benchmarks.faults import Site, running, upload, wait_terminal  # noqa: E402  (after the path)
from config.launch import database  # noqa: E402

RELEASE_SECONDS = 60
PARTS = ("calls", "kills", "dollar")
SCOPES = ("tenant", "user", "key", "feature", "model")
PERIODS = ("day", "month", "total")
# USD. What is too small refuses part of the calls.
SMALL = {("user", "day"): 30, ("feature", "month"): 60, ("key", "total"): 20}
EMBEDDER = "text-embedding-3-small"


def behaviour(chance: random.Random) -> dict[str, Any]:
    """What the provider does with one request."""
    kind = chance.choices(
        ("answer", "status", "early_close", "reset", "error_event", "malformed", "html"),
        (70, 10, 5, 5, 4, 3, 3),
    )[0]
    text = "word " * chance.randint(1, 60) + "[1]."
    made: dict[str, Any] = {"kind": kind, "text": text}
    if kind == "status":
        made |= {"status": chance.choice((429, 500, 503, 400)), "retry_after": "0"}
    elif kind != "answer":
        made |= {"after": chance.choice((0, 3))}
    else:
        made |= {
            "usage": chance.random() > 0.2,
            "prompt_tokens": chance.choice((7, 90, 20_000)),
            "first_delay": chance.choice((0, 0, 0.02, 0.2)),
        }
    return made


@dataclass
class Provider:
    """The fake provider as a process."""

    process: subprocess.Popen[str]
    address: str

    def script(self, *behaviours: dict[str, Any]) -> None:
        asked = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address.removesuffix('/v1')}/_script",
            data=json.dumps(behaviours).encode(),
            method="POST",
        )
        urllib.request.urlopen(asked).read()  # noqa: S310

    def forget(self) -> None:
        """Drop what is left of the script."""
        asked = urllib.request.Request(  # noqa: S310 - our own server
            f"{self.address.removesuffix('/v1')}/_script", method="DELETE"
        )
        urllib.request.urlopen(asked).read()  # noqa: S310


@contextmanager
def provider() -> Iterator[Provider]:
    command = [sys.executable, "-m", "tests.fakes.model_server", "--port", "0", "--dimensions"]
    process = subprocess.Popen([*command, "384"], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        yield Provider(process, process.stdout.readline().removeprefix("ready: ").strip())
    finally:
        process.terminate()


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


# --- ten thousand calls -------------------------------------------------------------------------------------------


@dataclass
class Asker:
    """Clients of the web process. ``ended`` counts how their calls did."""

    clients: list[httpx.Client]
    ended: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, calls: int, chance: random.Random) -> None:
        """So many calls: passed on whole, streamed or left, and questions of which most have been asked before."""
        hows = chance.choices(
            (self._whole, self._streamed, self._left, self._asked), (4, 4, 1, 1), k=calls
        )
        plans = [(how, chance.choice(self.clients), chance.randint(1, 60)) for how in hows]
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda plan: self._one(*plan), plans))

    def _one(
        self, how: Callable[[httpx.Client, int], str], client: httpx.Client, size: int
    ) -> None:
        try:
            said = how(client, size)
        except httpx.HTTPError as error:
            said = type(error).__name__
        with self._lock:
            self.ended[f"{how.__name__.strip('_')}: {said}"] += 1

    def _whole(self, client: httpx.Client, size: int) -> str:
        return str(client.post("/v1/chat/completions", json=_completion(size)).status_code)

    def _streamed(self, client: httpx.Client, size: int) -> str:
        body = {**_completion(size), "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            lines = [line for line in response.iter_lines() if line]
        whole = bool(lines) and lines[-1] == "data: [DONE]"
        return f"{response.status_code}{'' if whole or response.status_code != 200 else ' broken'}"

    def _left(self, client: httpx.Client, size: int) -> str:
        body = {**_completion(size), "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            next(response.iter_lines(), None)
        return str(response.status_code)

    def _asked(self, client: httpx.Client, size: int) -> str:
        question = f"How long is the leave of group {size % 12}?"
        answer = client.post("/api/v1/ask", json={"question": question, "collections": ["all"]})
        cached = answer.status_code == 200 and answer.json()["cached"]
        return f"{answer.status_code}{' cached' if cached else ''}"


def _completion(size: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "model": "usual",
        "messages": [{"role": "user", "content": "word " * size}],
    }
    return made | ({"max_tokens": 200} if size % 3 else {})


HANDBOOK = b"# Leave\n\n" + b"\n\n".join(
    f"The leave of group {n} is {20 + n} days a year.".encode() for n in range(12)
)


def client_of(site: Site, key: str) -> httpx.Client:
    """Enough connections for two hundred at once."""
    headers, limits = {"Authorization": f"Bearer {key}"}, httpx.Limits(max_connections=300)
    return httpx.Client(base_url=site.url, headers=headers, timeout=120, limits=limits)


def ten_thousand(site: Site, model: Provider, calls: int, processes: int) -> list[str]:
    """The calls, and what is wrong afterwards."""
    slug = "ledger"
    client = site.tenant(slug)
    configure(site, slug, model.address, every_level())
    upload(client, "leave.md", HANDBOOK).raise_for_status()
    wait_terminal(client, 120)
    books = Books(site, slug)
    keys = [str(client.headers["Authorization"]).removeprefix("Bearer ")]
    keys += [
        site.manage(
            "apikey", "create", "--tenant", slug, "--name", f"k{n}", "--scopes", "ask,search"
        )
        for n in range(3)
    ]
    for name in ("ada", "bob"):
        mail = f"{name}@ledger.example"
        site.manage(
            "member", "add", "--tenant", slug, "--email", mail, "--role", "member", "--generate"
        )
    chance = random.Random(3)  # noqa: S311 - the same calls each time
    script = [behaviour(chance) for _ in range(calls * 2)]
    for at in range(0, len(script), 2000):
        model.script(*script[at : at + 2000])
    began = time.monotonic()
    with Watch(books) as watch:
        share = calls // (processes + 1)
        running_calls = [_process(site, books, share, seed) for seed in range(processes)]
        asker = Asker([client_of(site, key) for key in keys])
        asker.run(calls - share * processes, chance)
        told = [json.loads(one.communicate()[0].strip().splitlines()[-1]) for one in running_calls]
    took = time.monotonic() - began
    settled = wait_released(books)
    ended = asker.ended + sum((Counter(one) for one in told), Counter())
    print(
        f"{sum(ended.values())} calls by {processes} processes and the web process in {took:.0f} s"
    )
    for name, count in sorted(ended.items(), key=lambda one: -one[1]):
        print(f"  {count:6} {name}")
    print("rows of the ledger:", books.rows(), json.dumps(books.outcomes()))
    return judged(books, watch, settled)


def _process(site: Site, books: Books, calls: int, seed: int) -> subprocess.Popen[str]:
    """Some calls through the gateway, by a process of its own."""
    ((tenant,),) = books.read("SELECT :t")
    keys = books.read("SELECT id FROM tenants_apikey WHERE tenant_id = :t")
    users = books.read("SELECT user_id FROM tenants_membership WHERE tenant_id = :t")
    variables = {
        **os.environ,
        "FOOTNOTE_HOME": str(site.home.path),
        "TENANT": str(tenant),
        "CALLS": str(calls),
        "SEED": str(seed),
        "FOOTNOTE_LOG_LEVEL": "CRITICAL",
        "USERS": ",".join(str(user) for (user,) in users),
        "KEYS": ",".join(str(key) for (key,) in keys),
    }
    script = "import runpy; runpy.run_path('benchmarks/ledger_calls.py', run_name='__main__')"
    return subprocess.Popen(
        [ROOT / "bin" / "manage", "shell", "--verbosity", "0", "-c", script],
        env=variables,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


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


# --- killed in mid-call -------------------------------------------------------------------------------------------


def killed(site: Site, model: Provider, who: str) -> list[str]:
    """``kill -9`` in mid-call, and a watch: until all that was held then is given back."""
    slug = f"killed-{who}"
    client = site.tenant(slug)
    configure(site, slug, model.address, every_level())
    books, (calls, begin, kill) = Books(site, slug), KILLED[who]
    begin(site, model, client)
    ends = time.monotonic() + 60
    while len(held := books.held()) < calls and time.monotonic() < ends:
        time.sleep(0.05)
    if len(held) < calls:
        return [f"{who}: only {len(held)} of {calls} calls were under way"]
    began = time.monotonic()
    kill(site)
    while held & (left := _held(books, held)) and time.monotonic() - began < 2 * RELEASE_SECONDS:
        time.sleep(0.1)
    took = time.monotonic() - began
    print(f"kill -9 of {who} with {calls} calls under way: all given back {took:.1f} s later")
    late = bool(held & left) or took > RELEASE_SECONDS
    found = [f"{who}: still held after {took:.0f} s"] if late else []
    return found + judged(books, None, wait_released(books))


def _held(books: Books, before: set[str]) -> set[str]:
    """What is held now; as before while the database is away."""
    try:
        return books.held()
    except psycopg.Error:
        return before


def _streams(behaviour: dict[str, Any]) -> Callable[[Site, Provider, httpx.Client], None]:
    """Begins four streams at the web process."""

    def begin(site: Site, model: Provider, client: httpx.Client) -> None:
        model.script(*[behaviour] * 4)
        for _ in range(4):
            threading.Thread(target=_stream, args=(site, dict(client.headers)), daemon=True).start()

    return begin


def _stream(site: Site, headers: dict[str, str]) -> None:
    with suppress(httpx.HTTPError), httpx.Client(base_url=site.url, headers=headers) as client:
        body = {**_completion(5), "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body, timeout=120) as response:
            response.read()


def _ingestion(_: Site, model: Provider, client: httpx.Client) -> None:
    """A document that the worker has embedded by a provider that hangs."""
    model.script({"kind": "hang"})
    upload(client, "leave.md", HANDBOOK).raise_for_status()


def _children(word: str) -> Callable[[Site], None]:
    def kill(site: Site) -> None:
        for process in site.children(word):
            process.kill()

    return kill


def _postmaster(site: Site) -> None:
    pid = site.postmaster()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


# Whom: calls under way, how they begin, how it is killed.
KILLED: dict[
    str, tuple[int, Callable[[Site, Provider, httpx.Client], None], Callable[[Site], None]]
]
KILLED = {
    "web": (4, _streams({"kind": "stall", "after": 2}), _children("uvicorn")),
    "worker": (1, _ingestion, _children("worker")),
    "postgres": (4, _streams({"kind": "answer", "text": "word " * 60, "delay": 0.1}), _postmaster),
}


# --- two hundred at once ------------------------------------------------------------------------------------------


def at_once(site: Site, model: Provider, name: str, prices: dict[str, Any]) -> list[str]:
    """200 calls of unknown length at once, on a budget of one dollar."""
    slug = f"dollar-{name}"
    client = site.tenant(slug)
    configure(
        site,
        slug,
        model.address,
        [{"name": "tenant total", "period": "total", "limit_usd": 1}],
        prices,
    )
    books, ended, lock = Books(site, slug), Counter[str](), threading.Lock()
    model.script(
        *[{"kind": "answer", "text": "word " * 12, "prompt_tokens": 20, "delay": 0.02}] * 200
    )

    def one(number: int) -> None:
        body = {**_completion(3), "stream": bool(number % 2)}
        answer = many.post("/v1/chat/completions", json=body)
        with lock:
            ended[str(answer.status_code)] += 1

    many = client_of(site, str(client.headers["Authorization"]).removeprefix("Bearer "))
    began = time.monotonic()
    with Watch(books) as watch, ThreadPoolExecutor(200) as pool:
        list(pool.map(one, range(200)))
    took = time.monotonic() - began
    print(f"200 calls at once on 1.00 USD, {name} prices: {dict(ended)} in {took:.1f} s")
    return judged(books, watch, wait_released(books))


def main() -> None:
    options = _options()
    with provider() as model:
        os.environ |= {"OPENAI_BASE_URL": model.address, "OPENAI_API_KEY": "sk-fake"}
        os.environ |= {"FOOTNOTE_EMBEDDING_MODEL": f"openai:{EMBEDDER}"}
        with running(options.port) as site:
            found = (
                ten_thousand(site, model, options.calls, options.processes)
                if "calls" in options.parts
                else []
            )
            for who in KILLED if "kills" in options.parts else ():
                model.forget()
                found += killed(site, model, who)
            model.forget()
            for name, prices in (("usual", PRICES), ("dear", DEAR)):
                if "dollar" in options.parts:
                    found += at_once(site, model, name, prices)
            print(site.manage("ledger", "check"))
    for problem in found:
        print("BROKEN:", problem)
    sys.exit(1 if found else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--port", type=int, default=8795)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
