"""Search end to end through the HTTP API, alone and while a worker ingests.

    .venv/bin/python benchmarks/search_http.py URL KEY QUERIES.jsonl latency
    .venv/bin/python benchmarks/search_http.py --seconds 20 URL KEY QUERIES.jsonl concurrent -- COMMAND...

``latency``: one client, every question new, so that each is embedded. ``concurrent``: 16 clients for so many seconds,
then again while COMMAND (such as ``bin/manage ingest more.jsonl --tenant T --collection C``) runs; prints searches a
second, how many were not answered with 200, and the ratio. The server needs ``FOOTNOTE_API_RATE`` out of the way.
"""

import argparse
import itertools
import json
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import httpx

CLIENTS = 16


def questions(path: Path) -> list[str]:
    return [json.loads(line)["text"] for line in path.read_text().splitlines() if line.strip()]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def latency(client: httpx.Client, asked: list[str]) -> None:
    for text in asked[:20]:
        client.post("/api/v1/search", json={"query": text})
    plain, explained, inner = [], [], []
    for number, text in enumerate(asked[20:520]):
        body = {"query": text, "explain": bool(number % 2)}
        start = time.perf_counter()
        response = client.post("/api/v1/search", json=body).raise_for_status()
        (explained if number % 2 else plain).append((time.perf_counter() - start) * 1000)
        if number % 2:
            inner.append(response.json()["timings_ms"])
    for name, values in (
        ("in all", plain),
        ("in all, with explain", explained),
        ("embedding", [one["embed"] for one in inner]),
        ("search", [one["search"] for one in inner]),
    ):
        print(
            f"{name}: p50 {percentile(values, 0.5):.1f} ms, p95 {percentile(values, 0.95):.1f} ms"
        )


def rate(
    base: str, headers: dict[str, str], asked: list[str], seconds: float
) -> tuple[float, Counter[int]]:
    """Answered searches a second, and the statuses."""
    turn, statuses, lock = itertools.count(), Counter[int](), threading.Lock()
    ends = time.monotonic() + seconds

    def search() -> None:
        with httpx.Client(base_url=base, headers=headers, timeout=60) as client:
            while time.monotonic() < ends:
                text = asked[next(turn) % len(asked)]
                status = client.post("/api/v1/search", json={"query": text}).status_code
                with lock:
                    statuses[status] += 1

    threads = [threading.Thread(target=search) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses[200] / seconds, statuses


def concurrent(
    base: str, headers: dict[str, str], asked: list[str], options: argparse.Namespace
) -> None:
    rate(base, headers, asked, 3)
    alone, statuses = rate(base, headers, asked, options.seconds)
    print(f"alone: {alone:.1f}/s {dict(statuses)}")
    if not alone:
        raise SystemExit(f"Nothing at {base} answered with 200: is it up, and is the key right?")
    with subprocess.Popen(
        options.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as ingest:
        time.sleep(6)
        beside, statuses = rate(base, headers, asked, options.seconds)
        print(
            f"while ingesting: {beside:.1f}/s {dict(statuses)}, ingestion still at work: {ingest.poll() is None}"
        )
        ingest.terminate()
    print(f"ratio {beside / alone:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("queries", type=Path)
    parser.add_argument("mode", choices=("latency", "concurrent"))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("command", nargs="*")
    options = parser.parse_args()
    headers = {"Authorization": f"Bearer {options.key}"}
    asked = questions(options.queries)
    if options.mode == "latency":
        with httpx.Client(base_url=options.url, headers=headers, timeout=60) as client:
            latency(client, asked)
    else:
        concurrent(options.url, headers, asked, options)


main()
