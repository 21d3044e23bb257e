"""Knowing that the client went away while its request is still being worked on.

Under ASGI a synchronous view runs in a thread that nobody can cancel. ``aware`` wraps the application so that a view
can ask ``departed_of(request)``, an event that is set when the server learns that the connection is gone, and stop
waiting for a model. A streamed answer needs no such word: its generator is closed.
"""

import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.http import HttpRequest

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

KEY = "footnote.departed"


def aware(application: Application) -> Application:
    """The same application, whose requests know when their client departs."""

    async def watched(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        departed = threading.Event()

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "http.disconnect":
                departed.set()
            return message

        await application({**scope, KEY: departed}, heard, send)

    return watched


def departed_of(request: HttpRequest) -> threading.Event:
    """Set once the client has gone; never set where no server watches."""
    departed = getattr(request, "scope", {}).get(KEY)
    return departed if isinstance(departed, threading.Event) else threading.Event()
