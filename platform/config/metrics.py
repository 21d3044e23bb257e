"""``/metrics``: what this process did and what the platform has to do, as Prometheus reads it.

Open, so it names no tenant, no person and no document: routes are patterns, and the queue is counted over all tenants.
Requests are counted in memory by ``CountRequests``, per process; a scrape costs three short queries. Written by hand,
because the text format is a few lines and the client library would bring a second way of keeping state.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import accumulate

from django.db import DatabaseError, connections
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config import liveness

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Upper bounds in seconds; a streamed answer counts until its headers go out.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Uses index: run_due
QUEUE = (
    "SELECT state, count(*), COALESCE(EXTRACT(EPOCH FROM now() - min(created_at)), 0)"
    " FROM ingestion_ingestionrun WHERE state NOT IN ('ready', 'failed') GROUP BY state"
)

Labels = tuple[tuple[str, str], ...]
GetResponse = Callable[[HttpRequest], HttpResponseBase]


class Requests:
    """Counts and durations of one process's requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Labels, int] = defaultdict(int)
        self._buckets: dict[str, list[int]] = defaultdict(lambda: [0] * (len(BOUNDS) + 1))
        self._seconds: dict[str, float] = defaultdict(float)

    def seen(self, route: str, method: str, status: int, seconds: float) -> None:
        """One request is done."""
        labels = (("route", route), ("method", method), ("status", str(status)))
        with self._lock:
            self._counts[labels] += 1
            self._buckets[route][bisect_left(BOUNDS, seconds)] += 1
            self._seconds[route] += seconds

    def lines(self) -> Iterator[str]:
        """As Prometheus reads it."""
        with self._lock:
            counts, seconds = dict(self._counts), dict(self._seconds)
            buckets = {route: list(found) for route, found in self._buckets.items()}
        yield from head(
            "footnote_requests_total", "counter", "Requests by route, method and status."
        )
        for labels, count in counts.items():
            yield sample("footnote_requests_total", count, labels)
        yield from head(
            "footnote_request_seconds", "histogram", "Seconds until the headers go out."
        )
        for route, found in buckets.items():
            yield from _histogram(route, found, seconds[route])


def _histogram(route: str, found: list[int], seconds: float) -> Iterator[str]:
    name, label = "footnote_request_seconds", ("route", route)
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), accumulate(found), strict=True):
        yield sample(f"{name}_bucket", count, (label, ("le", bound)))
    yield sample(f"{name}_sum", seconds, (label,))
    yield sample(f"{name}_count", sum(found), (label,))


REQUESTS = Requests()


class CountRequests:
    """Counts every request by the pattern of its route, never by its address."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        route = f"/{match.route}" if match else "none"
        method = request.method if request.method in METHODS else "other"
        REQUESTS.seen(route, method or "", response.status_code, time.perf_counter() - began)
        return response


METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


@never_cache
@require_safe
def metrics(_request: HttpRequest) -> HttpResponse:
    """Everything, in Prometheus's text format."""
    lines = [*REQUESTS.lines(), *_dependencies()]
    return HttpResponse("\n".join(lines) + "\n", content_type=CONTENT_TYPE)


def _dependencies() -> Iterator[str]:
    """What the database knows; one that is away is said and nothing else."""
    found: list[str] = []
    try:
        found += _alive()
        found += _queue()
        reached = 1
    except DatabaseError:
        reached = 0
    yield from head("footnote_database_up", "gauge", "1 when the database answers.")
    yield sample("footnote_database_up", reached)
    yield from found


def _alive() -> Iterator[str]:
    yield from head("footnote_process_alive", "gauge", "1 when such a process lives somewhere.")
    for kind in (liveness.WORKER, liveness.SCHEDULER):
        yield sample("footnote_process_alive", int(liveness.alive(kind)), (("kind", kind),))


def _queue() -> Iterator[str]:
    """Operator work: the queue of all tenants together, on a connection that is closed at once."""
    with closing(connections["operator"]) as operator, operator.cursor() as cursor:
        cursor.execute(QUEUE)
        rows = cursor.fetchall()
    yield from head("footnote_ingestion_runs", "gauge", "Documents on their way, by state.")
    for state, count, _age in rows:
        yield sample("footnote_ingestion_runs", count, (("state", state),))
    yield from head("footnote_ingestion_oldest_seconds", "gauge", "Age of the oldest of them.")
    yield sample(
        "footnote_ingestion_oldest_seconds", max((float(row[2]) for row in rows), default=0)
    )


def head(name: str, kind: str, meaning: str) -> Iterator[str]:
    """The lines before a metric's samples."""
    yield f"# HELP {name} {meaning}"
    yield f"# TYPE {name} {kind}"


def sample(name: str, value: float, labels: Iterable[tuple[str, str]] = ()) -> str:
    """One line."""
    inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
