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
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ |= {"FOOTNOTE_OUTBOUND_NETWORKS": "127.0.0.0/8", "FOOTNOTE_OUTBOUND_PORTS": "any"}
os.environ["FOOTNOTE_API_RATE"] = "1000000/minute"

from benchmarks.budget_books import (  # noqa: E402  (after the path)
    DEAR,
    EMBEDDER,
    PRICES,
    Books,
    Watch,
    client_of,
    completion,
    configure,
    judged,
    wait_released,
)
from benchmarks.fake_provider import Provider, provider  # noqa: E402
from benchmarks.ledger_kills import KILLED, killed  # noqa: E402
from benchmarks.ledger_mixed import ten_thousand  # noqa: E402
from benchmarks.running import Site, running  # noqa: E402

PARTS = ("calls", "kills", "dollar")


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
        body = {**completion(3), "stream": bool(number % 2)}
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
