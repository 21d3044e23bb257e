"""Waking workers costs an uploader a bounded time, whatever the broker does."""

import socket
import threading
import time

import pytest
from celery import Celery

from ingestion import wake


def test_a_broker_that_never_answers_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"amqp://guest@127.0.0.1:{silent.getsockname()[1]}//"
        monkeypatch.setattr(wake, "current_app", Celery("silent", broker=address))
        monkeypatch.setattr(wake, "_postman", wake._Postman())
        taken: list[socket.socket] = []
        answering = threading.Thread(target=lambda: taken.append(silent.accept()[0]), daemon=True)
        answering.start()
        began = time.monotonic()
        for _ in range(3):
            wake.now()
        # Ten seconds each without a bound.
        assert time.monotonic() - began < 3 * wake.PATIENCE + 2
        assert sum(thread.name == "wake" for thread in threading.enumerate()) <= 2
        answering.join(5)
        for connection in taken:
            connection.close()
