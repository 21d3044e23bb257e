"""What ``bin/up`` runs: the command lines of web, worker and scheduler."""

import os
import sys

from config.launch.children import Child
from config.launch.connections import Surroundings
from config.launch.port import HOST


def programs(around: Surroundings, port: int) -> list[Child]:
    """In the order in which they are started."""
    celery = "-m celery --quiet -A config.celery"
    commands = {
        "web": (
            f"-m uvicorn config.asgi:application --host {HOST} --port {port} --lifespan off --ws none"
            " --http config.addresses:LongAddresses --no-access-log"
            " --timeout-graceful-shutdown 3 --timeout-keep-alive 75"
        ).split(),
        "worker": [
            # Celery warns of root, as which one may well try Footnote.
            *("-W", "ignore:You're running the worker"),
            *f"{celery} worker --loglevel INFO --concurrency {_concurrency()}".split(),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        "beat": [
            *f"{celery} beat --loglevel WARNING --schedule".split(),
            str(around.home.run / "beat-schedule"),
            *("--pidfile", ""),
        ],
    }
    return [
        Child(name, [sys.executable, *command], around.variables, around.home)
        for name, command in commands.items()
    ]


def _concurrency() -> str:
    """Threads of the worker, at least four: one tenant's documents never take all of them."""
    return os.environ.get("FOOTNOTE_WORKERS") or str(max(4, os.cpu_count() or 1))
