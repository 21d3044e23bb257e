"""Tasks reach a real worker through the queue in Postgres, and what is killed takes nothing with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest
from kombu.exceptions import OperationalError

from config import broker, liveness
from config.celery import SCHEDULE, app
from config.launch.home import REPOSITORY
from tests.config.homes import wait_until
from traces.tasks import prepare_partitions


@pytest.fixture
def worker(database: None) -> Iterator["subprocess.Popen[bytes]"]:
    """A worker, ready, with nothing to do: uploads in other tests have left messages."""
    purge()
    options = "worker --loglevel WARNING --concurrency 1 --without-gossip --without-mingle --without-heartbeat"
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "celery",
        "--quiet",
        "-A",
        "config.celery",
        *options.split(),
    ]
    process = subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True)
    wait_until(lambda: liveness.alive(liveness.WORKER), 120)
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=30)
    wait_until(lambda: not liveness.alive(liveness.WORKER))


def purge() -> None:
    """Empty the queue, if it has been made."""
    with psycopg.connect(os.environ["QUEUE_DATABASE_URL"]) as connection:
        if (connection.execute("SELECT to_regclass('pgmq.q_celery')").fetchone() or (None,))[0]:
            connection.execute("SELECT pgmq.purge_queue('celery')")


def waiting() -> int:
    """Messages in the queue, taken or not."""
    with psycopg.connect(os.environ["QUEUE_DATABASE_URL"]) as connection:
        found = connection.execute("SELECT to_regclass('pgmq.q_celery')").fetchone()
        if not found or not found[0]:
            return 0
        counted = connection.execute("SELECT count(*) FROM pgmq.q_celery").fetchone()
        return int(counted[0]) if counted else 0


def test_a_task_is_done_within_moments(worker: "subprocess.Popen[bytes]") -> None:
    prepare_partitions.delay()  # the first one makes the connection
    wait_until(lambda: waiting() == 0)
    began = time.monotonic()
    prepare_partitions.delay()
    wait_until(lambda: waiting() == 0)
    assert time.monotonic() - began < 3


def test_a_killed_worker_leaves_nothing_behind_and_is_missed(
    worker: "subprocess.Popen[bytes]",
) -> None:
    children = psutil.Process(worker.pid).children(recursive=True)

    worker.kill()
    worker.wait()

    assert psutil.wait_procs(children, timeout=10)[1] == []
    wait_until(lambda: not liveness.alive(liveness.WORKER))


def test_without_a_worker_a_message_waits(database: None) -> None:
    before = waiting()
    prepare_partitions.delay()
    assert waiting() == before + 1
    with psycopg.connect(os.environ["QUEUE_DATABASE_URL"]) as connection:
        connection.execute("SELECT pgmq.purge_queue('celery')")


def test_a_queue_that_is_away_is_said_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that publishes must not hang: the row that it saved is found by the reconciler."""
    options = broker.options()["broker_transport_options"]
    gone = options | {
        "conn_string": "host=/nowhere dbname=none user=none password=none",
        "pool_timeout": 1,
    }
    began = time.monotonic()
    with app.connection(transport_options=gone) as connection, pytest.raises(OperationalError):
        prepare_partitions.apply_async(connection=connection, retry=False)
    assert time.monotonic() - began < 10


def test_messages_are_json_without_results_or_leftovers() -> None:
    conf = app.conf
    assert conf.accept_content == ["json"]
    assert conf.task_serializer == "json"
    assert conf.task_ignore_result
    assert conf.result_backend is None
    assert conf.task_acks_late
    assert not conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert not conf.worker_enable_remote_control


def test_another_broker_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "amqp://guest@broker//")
    assert broker.options() == {"broker_url": "amqp://guest@broker//"}


def test_a_queue_in_another_postgres_is_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "pgmq://queue:secret@elsewhere:5433/messages")
    options = broker.options()
    assert "secret" not in options["broker_url"]
    assert "host=elsewhere" in options["broker_transport_options"]["conn_string"]


def test_everything_on_the_schedule_is_a_task() -> None:
    app.loader.import_default_modules()
    assert set(SCHEDULE) <= set(app.tasks)
