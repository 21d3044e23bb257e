"""A limit on how long a model is waited for, by those who can do without it. Entry point: ``patient``."""

import threading


def patient(seconds: float, stop: threading.Event | None = None) -> threading.Event:
    """Set when ``stop`` is or the time is over: the ``stop`` of a call that is not waited for longer.

    A call that is cancelled says nothing about its provider: a time-out would count against a model that is only slow.
    """
    enough, stopped = threading.Event(), stop or threading.Event()

    def wait() -> None:
        stopped.wait(seconds)
        enough.set()

    threading.Thread(target=wait, name="patience", daemon=True).start()
    return enough
