"""The product's own ASGI application on a real socket, as uvicorn serves it.

Django's test client runs a view in the test's own thread and hides what only a server does: streaming, a client that
goes away, connections of other threads.
"""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from pytest_django.plugin import DjangoDbBlocker

START_SECONDS = 20


@pytest.fixture(scope="session")
def live_site(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of a server in this process, such as ``http://127.0.0.1:40123``.

    From here on the database stays open to it between tests: a response that is closed a moment after its test
    has ended would otherwise keep its connection for ever.
    """
    config = uvicorn.Config(
        "config.asgi:application",
        host="127.0.0.1",
        port=0,
        log_level="warning",
        lifespan="off",
        http="config.addresses:LongAddresses",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="live-site", daemon=True)
    thread.start()
    _wait_for(server)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    with django_db_blocker.unblock():
        yield f"http://{host}:{port}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture
def site(live_site: str, database: None) -> str:
    """The server's address, for tests that use the database."""
    return live_site


def _wait_for(server: uvicorn.Server) -> None:
    ends = time.monotonic() + START_SECONDS
    while not server.started:
        assert time.monotonic() < ends, "the server did not start"
        time.sleep(0.02)
