"""Calls of every kind and outcome, by processes of their own and by clients of the web process."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from benchmarks.budget_books import (  # noqa: E402  (after the path)
    HANDBOOK,
    Books,
    Watch,
    client_of,
    completion,
    configure,
    every_level,
    judged,
    wait_released,
)
from benchmarks.fake_provider import Provider  # noqa: E402
from benchmarks.running import Site, upload, wait_terminal  # noqa: E402


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
        return str(client.post("/v1/chat/completions", json=completion(size)).status_code)

    def _streamed(self, client: httpx.Client, size: int) -> str:
        body = {**completion(size), "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            lines = [line for line in response.iter_lines() if line]
        whole = bool(lines) and lines[-1] == "data: [DONE]"
        return f"{response.status_code}{'' if whole or response.status_code != 200 else ' broken'}"

    def _left(self, client: httpx.Client, size: int) -> str:
        body = {**completion(size), "stream": True}
        with client.stream("POST", "/v1/chat/completions", json=body) as response:
            next(response.iter_lines(), None)
        return str(response.status_code)

    def _asked(self, client: httpx.Client, size: int) -> str:
        question = f"How long is the leave of group {size % 12}?"
        answer = client.post("/api/v1/ask", json={"question": question, "collections": ["all"]})
        cached = answer.status_code == 200 and answer.json()["cached"]
        return f"{answer.status_code}{' cached' if cached else ''}"


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
