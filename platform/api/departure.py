"""Knowing that the client went away while its request is still being worked on.

Under ASGI a synchronous view runs in a thread that nobody can cancel. This middleware, the outermost one, sets
``request.departed`` (a ``threading.Event``) when the server learns that the connection is gone, so that a view which
waits for a model can stop waiting. A streamed answer needs no such word: its generator is closed.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponseBase


class DepartureWatch:
    """Works under ASGI and WSGI; under the latter nobody ever departs."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        request.departed = threading.Event()  # type: ignore[attr-defined]
        if iscoroutinefunction(self):
            return self._watched(request)
        response: HttpResponseBase = self.get_response(request)
        return response

    async def _watched(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = await self.get_response(request)
        except asyncio.CancelledError:
            request.departed.set()  # type: ignore[attr-defined]
            raise
        return response
