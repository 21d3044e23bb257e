"""Real workers and schedulers for tests that kill them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from config import liveness
from config.launch.home import REPOSITORY
from tests.config.homes import wait_until


def start_worker() -> "subprocess.Popen[bytes]":
    """A worker, once it says that it is there."""
    options = "worker --loglevel ERROR --concurrency 4 --without-gossip --without-mingle --without-heartbeat"
    command = [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", *options.split()]
    process = subprocess.Popen(
        command,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        start_new_session=True,
    )
    wait_until(lambda: liveness.alive(liveness.WORKER), 120)
    return process


def kill(worker: "subprocess.Popen[bytes]") -> None:
    """As the kernel does it when memory runs out: no goodbye. Its parsers' processes end by themselves."""
    children = psutil.Process(worker.pid).children(recursive=True)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    assert psutil.wait_procs(children, timeout=10)[1] == []
    wait_until(lambda: not liveness.alive(liveness.WORKER))


def start_scheduler(folder: Path) -> "subprocess.Popen[bytes]":
    """A scheduler that has never run before."""
    places = ["--schedule", str(folder / "beat"), "--pidfile", str(folder / "beat.pid")]
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "--quiet", "-A", "config.celery", "beat", *places],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        start_new_session=True,
    )
    wait_until(lambda: liveness.alive(liveness.SCHEDULER), 120)
    return process


@pytest.fixture
def empty_queue() -> Iterator[None]:
    """What a killed worker had taken stays hidden in the queue for minutes; no later test shall find it."""
    yield
    with psycopg.connect(os.environ["QUEUE_DATABASE_URL"]) as connection:
        connection.execute("SELECT pgmq.purge_queue('celery')")
