"""A whole Footnote for a benchmark: ``bin/up`` in a home of its own, and the API that one talks to it through."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psutil
import psycopg

from config.launch import database
from config.launch.home import Home

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Site:
    """The running Footnote, its home and its address."""

    home: Home
    url: str
    process: subprocess.Popen[bytes]

    def manage(self, *arguments: str) -> str:
        """What ``bin/manage`` printed last."""
        done = subprocess.run(
            [ROOT / "bin" / "manage", *arguments],
            env=_variables(self.home.path),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip().splitlines()[-1]

    def tenant(self, slug: str) -> httpx.Client:
        """A new tenant's client of the API."""
        self.manage("tenant", "create", "--slug", slug)
        key = self.manage(
            "apikey", "create", "--tenant", slug, "--name", "faults", "--role", "admin"
        )
        client = httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        for _ in range(10):  # the pool's connections may be of a database that was killed since
            made = client.post("/api/v1/collections", json={"slug": "all", "name": "All"})
            if made.status_code != 503:
                break
            time.sleep(1)
        made.raise_for_status()
        return client

    def children(self, word: str) -> list[psutil.Process]:
        """The processes of this run whose command has the word."""
        found = []
        noted = json.loads((self.home.run / "children.json").read_text(encoding="utf-8"))
        for pid in noted:
            with suppress(psutil.Error):
                process = psutil.Process(int(pid))
                if word in process.cmdline():
                    found.append(process)
        return found

    def postmaster(self) -> int | None:
        """The number of the database's first process."""
        with suppress(OSError, ValueError, IndexError):
            path = self.home.postgres.resolve() / "data" / "postmaster.pid"
            pid = int(path.read_text(encoding="utf-8").splitlines()[0])
            return pid if psutil.pid_exists(pid) else None
        return None


def _variables(home: Path) -> dict[str, str]:
    return {**os.environ, "FOOTNOTE_HOME": str(home)}


@contextmanager
def running(port: int) -> Iterator[Site]:
    """``bin/up`` in a new home, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="footnote-faults-"))
    with (folder / "up.log").open("wb") as log:
        command = [str(ROOT / "bin" / "up"), "--no-demo", "--port", str(port)]
        process = subprocess.Popen(
            command, env=_variables(folder / "home"), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_ready(f"http://127.0.0.1:{port}", process)
            yield Site(Home(folder / "home"), f"http://127.0.0.1:{port}", process)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
    shutil.rmtree(folder, ignore_errors=True)


def _wait_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 300
    while time.monotonic() < ends and process.poll() is None:
        with suppress(httpx.HTTPError):
            if httpx.get(f"{url}/readyz").status_code == 200:
                return
        time.sleep(0.5)
    sys.exit("bin/up did not become ready")


def upload(client: httpx.Client, name: str, data: bytes) -> httpx.Response:
    """One file, as integrators send it."""
    files = {"file": (name, data)}
    return client.post("/api/v1/documents", files=files, data={"collection": "all"})


def states(client: httpx.Client) -> dict[str, str]:
    """State by file name, page by page."""
    found: dict[str, str] = {}
    address = "/api/v1/documents?collection=all&limit=100"
    while address:
        page = client.get(address).raise_for_status().json()
        found |= {one["external_id"]: one["state"] for one in page["results"]}
        address = page.get("next")
    return found


def wait_terminal(client: httpx.Client, seconds: float) -> tuple[float, dict[str, str]]:
    """How long until every document was terminal, and the states then."""
    began = time.monotonic()
    found: dict[str, str] = {}
    while time.monotonic() - began < seconds:
        with suppress(httpx.HTTPError):
            found = states(client)
            if set(found.values()) <= {"ready", "failed"}:
                break
        time.sleep(0.5)
    return time.monotonic() - began, found


def ask(site: Site, query: LiteralString, slug: str) -> list[tuple[Any, ...]]:
    """Rows of a query about one tenant, across row-level security."""
    used = database.use(site.home)
    try:
        with psycopg.connect(used.superuser()) as connection:
            return connection.execute(query, [slug]).fetchall()
    finally:
        used.users.close()


def verdict(label: str, holds: bool, told: str) -> bool:
    """One printed line of the result."""
    print(f"{'ok  ' if holds else 'FAIL'} {label}: {told}", flush=True)
    return holds
