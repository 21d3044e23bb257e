"""Where Celery's messages go: the same Postgres by default, RabbitMQ or Redis when CELERY_BROKER_URL says so.

A message is only a wake-up, with ids in it and nothing else: the row that it names is the truth. So a message may be
lost (the reconciler wakes what is overdue) or come twice (a row is claimed under a lease) without harm.
"""

import warnings
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config import environment as env

# kombu silences its own call, but not for threads that connect at the same time.
warnings.filterwarnings("ignore", message="list_queues", category=UserWarning)
# How long a message stays hidden from the other workers: it is not renewed, so a task that takes longer comes again,
# and finds its row claimed. A killed worker's message is hidden for as long; the reconciler does not wait for it.
VISIBILITY_SECONDS = 900
# Building an image and making migrations need no queue; production names one.
_DEFAULT = (
    None if env.text("FOOTNOTE_ENV", "development") == "production" else "postgresql:///footnote"
)


def options() -> dict[str, Any]:
    """Celery's ``broker_url`` and ``broker_transport_options``."""
    url = env.text("CELERY_BROKER_URL", "")
    if url and not url.startswith("pgmq:"):
        return {"broker_url": url}
    return {
        # The connection string below is what is used; the URL is what Celery prints, so it has no password.
        "broker_url": "pgmq://postgres",
        "broker_transport_options": {
            "conn_string": _connection_string(url or env.text("QUEUE_DATABASE_URL", _DEFAULT)),
            # The schema is installed from SQL by roles.bootstrap; there is no extension to create.
            "init_extension": False,
            # Long polling would hold a connection; the worker is woken by NOTIFY instead (see `listen`).
            "wait_time_seconds": 0,
            # No notification comes for a message that had to wait for a free process: it is found within this time.
            "polling_interval": 0.2,
            "visibility_timeout": VISIBILITY_SECONDS,
            "pool_size": 2,
            "pool_timeout": 10,
        },
    }


def listen(transport: dict[str, Any]) -> None:
    """Has a worker woken by NOTIFY, about 10 ms after a task is sent.

    For the worker alone: it makes the queue's trigger anew, for which a publisher would have to wait.
    """
    if "conn_string" in transport:
        # Without the pause between two notifications, after which the second of two tasks would be found a second late.
        transport.update(use_notify=True, notify_throttle_interval_ms=0)


def _connection_string(url: str) -> str:
    """``key=value`` form, the only one in which the transport understands a unix socket.

    It must never be empty: the transport would then fall back to DATABASE_URL, whose role has no right to the queue.
    """
    if url.startswith("pgmq:"):
        url = url.replace("pgmq:", "postgresql:", 1)
    return make_conninfo("", **conninfo_to_dict(url))
