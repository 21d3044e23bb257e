"""One process's share of ``benchmarks/ledger.py``: mixed calls through the gateway, as chat and workers make them.

Started by the driver through ``bin/manage shell``, with TENANT, CALLS, SEED, USERS and KEYS in the environment; prints
a line of JSON with how its calls ended.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import django

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.db import connections  # noqa: E402  (after setup)

from inference import gateway  # noqa: E402
from inference.clients import Clients  # noqa: E402
from inference.errors import InferenceError  # noqa: E402
from inference.retries import RetryPolicy  # noqa: E402
from inference.routing.breakers import BreakerPolicy, Breakers  # noqa: E402
from inference.types import ChatRequest, Message, TextDelta, Timeouts  # noqa: E402
from tenants.scope import Principal  # noqa: E402

THREADS = 8
NEVER = BreakerPolicy(failures_running=10**9, error_share=2.0)
# The driver's routes: one model, one behind a broken one, and one beside a slow one.
FEATURES = ("plain", "failover", "hedged")


def main() -> None:
    calls, chance = int(os.environ["CALLS"]), random.Random(os.environ["SEED"])  # noqa: S311
    clients = Clients(policy=RetryPolicy(attempts=2, first_wait=0.01), breakers=Breakers(NEVER))
    plans = [_planned(chance) for _ in range(calls)]
    ended: Counter[str] = Counter()
    lock = threading.Lock()

    def one(plan: tuple[ChatRequest, str]) -> None:
        request, how = plan
        try:
            said = _called(request, how, clients)
        except InferenceError as error:
            said = error.code
        finally:
            connections.close_all()
        with lock:
            ended[f"{request.feature} {how}: {said}"] += 1

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, plans))
    clients.close()
    print(json.dumps(ended), flush=True)


def _planned(chance: random.Random) -> tuple[ChatRequest, str]:
    users, keys = os.environ["USERS"].split(","), os.environ["KEYS"].split(",")
    asker = Principal(
        tenant_id=UUID(os.environ["TENANT"]),
        role="member",
        user_id=UUID(chance.choice(users)),
        api_key_id=UUID(chance.choice(keys)),
    )
    feature = chance.choices(FEATURES, (8, 1, 1))[0]
    limit = chance.choice((None, 20, 200))
    text = "word " * chance.randint(1, 60)
    timeouts = Timeouts(first_token=5, between_tokens=5, total=20)
    request = ChatRequest(
        [Message("user", text)], feature, asker, max_tokens=limit, timeouts=timeouts
    )
    return request, chance.choices(("whole", "streamed", "left"), (5, 4, 1))[0]


def _called(request: ChatRequest, how: str, clients: Clients) -> str:
    return HOW[how](request, clients)


def _whole(request: ChatRequest, clients: Clients) -> str:
    gateway.chat(request, clients=clients)
    return "ok"


def _streamed(request: ChatRequest, clients: Clients) -> str:
    for _ in gateway.stream(request, clients=clients):
        pass
    return "ok"


def _left(request: ChatRequest, clients: Clients) -> str:
    """An asker who goes away after the second piece of text."""
    seen = 0
    events = gateway.stream(request, clients=clients)
    for event in events:
        seen += isinstance(event, TextDelta)
        if seen == 2:
            events.close()
            return "left"
    return "ok"


HOW: dict[str, Callable[[ChatRequest, Clients], str]] = {
    "whole": _whole,
    "streamed": _streamed,
    "left": _left,
}

if __name__ == "__main__":
    main()
