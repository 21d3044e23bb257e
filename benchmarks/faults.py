"""Faults in a whole running Footnote: workers killed, Postgres crashed, and what the promises are worth then.

    .venv/bin/python benchmarks/faults.py [--documents 200] [--kills 50] [--crashes 20] [--port 8790]
    .venv/bin/python benchmarks/faults.py --kills 0 --crashes 0 --thrice --poison --crowd 10000

Starts ``bin/up`` in a home of its own and talks to it through the API alone. First one tenant's documents are ingested
undisturbed. Then, as asked for, other tenants' same documents: with every message of the queue delivered three times;
with one poisonous file for nineteen healthy ones; while the worker is killed with ``kill -9`` at random moments; and
uploaded at a steady rate while Postgres is killed with ``kill -9`` again and again; and one person's upload behind
another tenant's crowd. Afterwards every accepted document must be terminal within two minutes, and each tenant's
searchable chunks must be those of the first. Exit code 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import psycopg

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]

from benchmarks.mixed_files import Files, mixed_files  # noqa: E402  (after the path)
from benchmarks.running import Site, ask, running, upload, verdict, wait_terminal  # noqa: E402
from config.launch import database  # noqa: E402

PROMISED_SECONDS = 120


def contents(site: Site, slug: str) -> Counter[tuple[str, int, str]]:
    """Every searchable chunk by file, place and text; with its vector and its terms, or it does not count."""
    rows = ask(
        site,
        "SELECT d.external_id, c.ordinal, c.text FROM ingestion_chunk c"
        " JOIN tenants_tenant t ON t.id = c.tenant_id AND t.slug = %s"
        " JOIN ingestion_document d ON d.tenant_id = c.tenant_id AND d.id = c.document_id"
        " JOIN ingestion_embedding e ON e.tenant_id = c.tenant_id AND e.id = c.id AND e.valid_to IS NULL"
        " JOIN ingestion_lexicalentry l ON l.tenant_id = c.tenant_id AND l.id = c.id AND l.valid_to IS NULL"
        " WHERE c.valid_to IS NULL",
        slug,
    )
    return Counter((str(a), int(b), str(c)) for a, b, c in rows)


def attempts(site: Site, slug: str) -> Counter[int]:
    """How many runs took how many attempts."""
    rows = ask(
        site,
        "SELECT attempts, count(*) FROM ingestion_ingestionrun r"
        " JOIN tenants_tenant t ON t.id = r.tenant_id AND t.slug = %s GROUP BY 1",
        slug,
    )
    return Counter({int(a): int(b) for a, b in rows})


def kill_workers(site: Site, kills: int, longest: float) -> int:
    """``kill -9`` the worker at random moments of its first ``longest`` seconds; how often it was hit."""
    chance = random.Random(7)  # noqa: S311
    for _ in range(kills):
        workers: list[psutil.Process] = []
        while not workers:
            workers = site.children("worker")
            time.sleep(0.1)
        # Long enough at times to load the model and work, short enough at times to die before.
        time.sleep(chance.uniform(0.2, longest))
        for worker in workers:
            with suppress(psutil.Error):
                worker.kill()
        time.sleep(0.6)
    return kills


@dataclass
class Uploads:
    """What a steady uploader was told."""

    acknowledged: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)

    def run(
        self, client: httpx.Client, files: Files, per_second: float, done: threading.Event
    ) -> None:
        """Each file until it is acknowledged; a refusal is tried again, as the answer asks for."""
        for name, data in files.items():
            while not self._one(client, name, data):
                time.sleep(0.2)
            time.sleep(1 / per_second)
        done.set()

    def _one(self, client: httpx.Client, name: str, data: bytes) -> bool:
        try:
            answer = upload(client, name, data)
        except httpx.HTTPError as error:
            self.refused[type(error).__name__] += 1
            return False
        if answer.status_code == 202:
            self.acknowledged.add(name)
            return True
        coded = answer.headers.get("content-type", "").startswith("application/json")
        self.refused[f"{answer.status_code}{'' if coded else ' without a code'}"] += 1
        return False


def crash_database(site: Site, crashes: int, pause: float) -> list[float]:
    """``kill -9`` Postgres ``crashes`` times; seconds until the API was ready again each time."""
    recoveries = []
    for _ in range(crashes):
        pid = site.postmaster()
        while pid is None:
            time.sleep(0.1)
            pid = site.postmaster()
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        time.sleep(0.3)
        while time.monotonic() - began < 120:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{site.url}/api/v1/collections", timeout=5).status_code == 401 and (
                    httpx.get(f"{site.url}/readyz", timeout=5).status_code == 200
                ):
                    break
            time.sleep(0.1)
        recoveries.append(time.monotonic() - began)
        time.sleep(pause)
    return recoveries


def compare(site: Site, slug: str, calm: Counter[tuple[str, int, str]]) -> bool:
    """The tenant's chunks beside those of the undisturbed run."""
    found = contents(site, slug)
    told = f"{sum(found.values())} chunks, {sum((calm - found).values())} missing, {sum((found - calm).values())} extra"
    return verdict(f"{slug}: chunks equal the undisturbed run's", found == calm, told)


def killed(
    site: Site, files: Files, kills: int, longest: float, calm: Counter[tuple[str, int, str]]
) -> bool:
    """The part with killed workers."""
    client = site.tenant("killed")
    for name, data in files.items():
        upload(client, name, data).raise_for_status()
    kill_workers(site, kills, longest)
    seconds, found = wait_terminal(client, PROMISED_SECONDS * 3)
    print(f"     attempts: {dict(sorted(attempts(site, 'killed').items()))}")
    told = f"{seconds:.0f} s after the last of {kills} kills; {dict(Counter(found.values()))}"
    return verdict("killed: all terminal", seconds <= PROMISED_SECONDS, told) & compare(
        site, "killed", calm
    )


def crashed(site: Site, files: Files, crashes: int, calm: Counter[tuple[str, int, str]]) -> bool:
    """The part with a database that crashes."""
    client, uploads, done = site.tenant("crashed"), Uploads(), threading.Event()
    # The uploads last as long as the crashes.
    per_second = max(0.5, len(files) / (crashes * 7))
    thread = threading.Thread(target=uploads.run, args=(client, files, per_second, done))
    thread.start()
    recoveries = sorted(crash_database(site, crashes, 4.0))
    seconds, found = wait_terminal(client, PROMISED_SECONDS * 3)
    done.wait(300)
    seconds, found = wait_terminal(client, PROMISED_SECONDS * 3)
    lost = uploads.acknowledged - set(found)
    print(f"     attempts: {dict(sorted(attempts(site, 'crashed').items()))}")
    told = f"{seconds:.0f} s; {dict(Counter(found.values()))}"
    return (
        verdict("crashed: no acknowledged upload lost", not lost, f"{len(lost)} lost; refusals {dict(uploads.refused)}")
        & verdict(
            "crashed: ready again within 10 s", recoveries[-1] <= 10,
            f"median {recoveries[len(recoveries) // 2]:.1f} s, most {recoveries[-1]:.1f} s",
        )
        & verdict("crashed: all terminal", seconds <= PROMISED_SECONDS, told)
        & compare(site, "crashed", calm)
    )  # fmt: skip


def seconds_to_ready(site: Site, slug: str) -> list[float]:
    """From upload to ready, of every document that became ready, ascending."""
    rows = ask(
        site,
        "SELECT extract(epoch FROM r.finished_at - d.created_at)::float8 FROM ingestion_ingestionrun r"
        " JOIN tenants_tenant t ON t.id = r.tenant_id AND t.slug = %s"
        " JOIN ingestion_document d ON d.tenant_id = r.tenant_id AND d.id = r.document_id"
        " WHERE r.state = 'ready' ORDER BY 1",
        slug,
    )
    return [float(row[0]) for row in rows]


def embedded_tokens(site: Site, slug: str) -> int:
    """What the tenant's documents cost the embedding model, by the ledger."""
    rows = ask(
        site,
        "SELECT COALESCE(sum(c.input_tokens), 0) FROM inference_modelcall c"
        " JOIN tenants_tenant t ON t.id = c.tenant_id AND t.slug = %s"
        " WHERE c.operation = 'embeddings' AND c.feature = 'ingestion'",
        slug,
    )
    return int(rows[0][0])


def repeat_messages(site: Site, done: threading.Event) -> None:
    """Put two more copies of each message into the queue, as a broker does that delivers three times."""
    used, last = database.use(site.home), 0
    with psycopg.connect(used.superuser(), autocommit=True) as connection:
        while not done.wait(0.02):
            rows = connection.execute(
                "SELECT msg_id, message FROM pgmq.q_celery WHERE msg_id > %s ORDER BY msg_id",
                [last],
            ).fetchall()
            for _, message in rows:
                copies = [json.dumps(message)] * 2
                connection.execute("SELECT pgmq.send_batch('celery', %s::jsonb[])", [copies])
            newest = connection.execute("SELECT max(msg_id) FROM pgmq.q_celery").fetchone()
            last = max(last, int((newest and newest[0]) or 0))
    used.users.close()


def delivered_thrice(site: Site, files: Files, calm: Counter[tuple[str, int, str]]) -> bool:
    """The part with repeated messages."""
    client, done = site.tenant("thrice"), threading.Event()
    thread = threading.Thread(target=repeat_messages, args=(site, done))
    thread.start()
    for name, data in files.items():
        upload(client, name, data).raise_for_status()
    wait_terminal(client, 900)
    done.set()
    thread.join()
    ratio = embedded_tokens(site, "thrice") / embedded_tokens(site, "calm")
    tried = attempts(site, "thrice")
    return verdict(
        "thrice: embedded at most 1.2 times", ratio <= 1.2, f"{ratio:.3f}; attempts {dict(tried)}"
    ) & compare(site, "thrice", calm)


def poisoned(site: Site, files: Files) -> bool:
    """The part with one file in twenty that kills or starves whoever reads it."""
    client, bad = site.tenant("poisoned"), poisons(len(files) // 20)
    names = list(files)
    for number, name in enumerate(names):
        if number % 20 == 10 and bad:
            poison = bad.pop()
            upload(client, *poison)
        upload(client, name, files[name]).raise_for_status()
    _, found = wait_terminal(client, 900)
    p95 = [
        one[int(len(one) * 0.95)]
        for one in (seconds_to_ready(site, s) for s in ("calm", "poisoned"))
    ]
    tried = attempts(site, "poisoned")
    told = f"{p95[0]:.1f} s without, {p95[1]:.1f} s with; {dict(Counter(found.values()))}"
    return verdict("poison: p95 to ready at most doubled", p95[1] <= 2 * p95[0], told) & verdict(
        "poison: at most 5 attempts", max(tried) <= 5, str(dict(sorted(tried.items())))
    )


def poisons(count: int) -> list[tuple[str, bytes]]:
    """Hostile files of the tests, evenly from all of them: bombs, loops, lies and broken references."""
    from tests.ingestion import hostile

    names = list(hostile.FILES)
    step = max(1, len(names) // count)
    made = [(name, hostile.FILES[name]()) for name in names[::step][:count]]
    return [(name, data) for name, data in made if len(data) < 20_000_000]


def crowded(site: Site, crowd: int) -> bool:
    """One person's upload, alone and behind another tenant's crowd of small documents."""
    alone, many = site.tenant("alone"), site.tenant("crowd")
    idle = statistics.median(_one_upload(alone, f"idle-{n}.md") for n in range(9))
    rows = site.home.path / "crowd.jsonl"
    rows.write_text("".join(_row(number) for number in range(crowd)), encoding="utf-8")
    site.manage("ingest", str(rows), "--tenant", "crowd", "--collection", "all")
    busy = statistics.median(_one_upload(alone, f"busy-{n}.md") for n in range(9))
    first = many.get("/api/v1/collections/all").raise_for_status().json()
    told = f"{busy:.2f} s behind {crowd} ({first.get('coverage', '')}), {idle:.2f} s alone"
    return verdict("crowd: a single upload takes at most twice as long", busy <= 2 * idle, told)


def _row(number: int) -> str:
    text = f"Note {number}: pump {number % 97} was looked at by engineer {number % 13}. " * 20
    return json.dumps({"_id": f"note-{number}", "title": f"Note {number}", "text": text}) + "\n"


def _one_upload(client: httpx.Client, name: str) -> float:
    began = time.monotonic()
    answer = upload(client, name, f"# {name}\n\nA single page about {name}.".encode())
    key = answer.raise_for_status().json()["documents"][0]["id"]
    while client.get(f"/api/v1/documents/{key}").json()["state"] not in ("ready", "failed"):
        time.sleep(0.02)
    return time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--longest", type=float, default=9, help="seconds that a worker may live")
    parser.add_argument("--crashes", type=int, default=20)
    parser.add_argument("--port", type=int, default=8790)
    parser.add_argument("--thrice", action="store_true", help="deliver each message three times")
    parser.add_argument("--poison", action="store_true", help="one poisonous file in twenty")
    parser.add_argument(
        "--crowd", type=int, default=0, help="documents of another tenant that wait"
    )
    asked = parser.parse_args()
    files = mixed_files(asked.documents)
    with running(asked.port) as site:
        client = site.tenant("calm")
        for name, data in files.items():
            upload(client, name, data).raise_for_status()
        seconds, found = wait_terminal(client, 900)
        print(
            f"     calm: {len(found)} documents in {seconds:.0f} s, {dict(Counter(found.values()))}",
            flush=True,
        )
        calm = contents(site, "calm")
        holds = delivered_thrice(site, files, calm) if asked.thrice else True
        holds &= poisoned(site, files) if asked.poison else True
        holds &= crowded(site, asked.crowd) if asked.crowd else True
        holds &= killed(site, files, asked.kills, asked.longest, calm) if asked.kills else True
        holds &= crashed(site, files, asked.crashes, calm) if asked.crashes else True
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
