"""Looks at sources: a folder and a local web site of 1,000 small documents, and a second look at which nothing changed.

    FOOTNOTE_SOURCE_FOLDERS=/tmp FOOTNOTE_OUTBOUND_NETWORKS=127.0.0.0/8 FOOTNOTE_OUTBOUND_PORTS=any \\
      bin/manage shell -c "import runpy; runpy.run_path('benchmarks/source_looks.py', run_name='__main__')"

Measures the looks alone: from the listing until every document is accepted and queued. Ingestion has its own benchmark.
"""

from __future__ import annotations

import http.server
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "platform")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ["FOOTNOTE_LOG_LEVEL"] = "WARNING"
django.setup()

from django.db import connections  # noqa: E402  (after setup)

from ingestion import collections, sources  # noqa: E402
from ingestion.models import Source, SourceRun  # noqa: E402
from ingestion.syncing import shifts  # noqa: E402
from tenants import people  # noqa: E402
from tenants.scope import Principal, platform_principal, tenant_scope  # noqa: E402

COUNT = 1000
TEXT = "The notice period in contract {n} is three months to the end of a quarter. " * 10


class Site(http.server.SimpleHTTPRequestHandler):
    """Files with Last-Modified, on connections that are kept."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, *_: object) -> None:
        """Quiet."""


def main() -> None:
    principal = platform_principal(
        people.found_tenant(slug=f"looks-{uuid4().hex[:8]}", name="Looks").pk
    )
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for n in range(COUNT):
            (folder / f"{n}.txt").write_text(TEXT.format(n=n))
        measure(principal, "folder", {"path": made})
        links = "".join(f'<a href="{n}.html">{n}</a>' for n in range(COUNT))
        (folder / "index.html").write_text(f"<html><body><p>Start</p>{links}</body></html>")
        for n in range(COUNT):
            (folder / f"{n}.html").write_text(
                f"<html><body><p>{TEXT.format(n=n)}</p></body></html>"
            )
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *a, **o: Site(*a, directory=made, **o)
        )
        threading.Thread(target=server.serve_forever, daemon=True).start()
        start = f"http://127.0.0.1:{server.server_port}/"
        measure(principal, "crawl", {"start": [start], "pause": 0, "most_pages": COUNT + 1})
        server.shutdown()


def measure(principal: Principal, kind: str, config: dict[str, Any]) -> None:
    with tenant_scope(principal):
        collection = collections.ensure(kind)
        source = sources.add(
            collection=collection, kind=kind, name=kind, config=config, begin=False
        )
    first, run = look(principal, source)
    again, second = look(principal, source)
    print(
        f"{kind}: {run.new:,} documents in {first:.1f} s, {run.new / first:.0f}/s;"
        f" {second.unchanged:,} unchanged in {again:.2f} s, {second.unchanged / again:.0f}/s"
        f" ({first / again:.0f} times faster)",
        flush=True,
    )


def look(principal: Principal, source: Source) -> tuple[float, SourceRun]:
    with tenant_scope(principal):
        asked = sources.sync(source=source)
    began = time.perf_counter()
    shifts.work_off()
    seconds = time.perf_counter() - began
    with tenant_scope(principal):
        return seconds, SourceRun.objects.get(pk=asked.pk)


if __name__ == "__main__":
    main()
    connections.close_all()
