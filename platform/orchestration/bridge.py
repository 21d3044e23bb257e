"""The one bridge from synchronous generators to an asynchronous response.

Under ASGI a synchronous generator in a ``StreamingHttpResponse`` is consumed whole before its first byte goes out.
``stream(make)`` runs the generator in a thread of its own and hands its items over one by one, each waiting until the
reader took the last few, so that a slow reader slows the generator and not the memory. When the reader goes away, the
``stop`` event that ``make`` got is set, and the generator is closed as soon as it comes back to a ``yield``.

Database connections are per thread: they are given back after every item, so that a stream that waits for a model
holds none.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import closing
from typing import Generic, TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")
# Items that may wait for a slow reader.
WAITING_ITEMS = 16


class _End:
    """The generator is exhausted, or ended by ``error``."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class _Producer(Generic[T]):
    """The thread's side."""

    def __init__(self, make: Callable[[threading.Event], Generator[T]]) -> None:
        self.make = make
        self.stop = threading.Event()
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[T | _End] = asyncio.Queue(WAITING_ITEMS)

    def run(self) -> None:
        try:
            self._hand_over()
        except BaseException as error:  # noqa: BLE001 - it is raised again on the reader's side
            self._put(_End(error))
        else:
            self._put(_End())
        finally:
            connections.close_all()

    def _hand_over(self) -> None:
        with closing(self.make(self.stop)) as items:
            for item in items:
                close_old_connections()
                self._put(item)
                if self.stop.is_set():
                    return

    def _put(self, item: T | _End) -> None:
        # With the reader gone, and perhaps its event loop with it, nobody is left to tell.
        if not (self.stop.is_set() or self.loop.is_closed()):
            asyncio.run_coroutine_threadsafe(self.queue.put(item), self.loop).result()

    def leave(self) -> None:
        """The reader goes: tell the generator and free the thread if it waits for room."""
        self.stop.set()
        while not self.queue.empty():
            self.queue.get_nowait()


async def stream(
    make: Callable[[threading.Event], Generator[T]], *, silence: float | None = None
) -> AsyncIterator[T | None]:
    """The items of ``make(stop)``, as they come. An exception of the generator is raised here.

    With ``silence``, None comes whenever nothing else has come for that many seconds.
    """
    producer = _Producer(make)
    threading.Thread(target=producer.run, name="stream", daemon=True).start()
    try:
        while True:
            item = await _next(producer.queue, silence)
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        producer.leave()


async def _next(queue: asyncio.Queue[T | _End], silence: float | None) -> T | _End | None:
    try:
        # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with an item, and the
        # stream of a reader who has left would run on to its end.
        async with asyncio.timeout(silence):
            return await queue.get()
    except TimeoutError:
        return None
